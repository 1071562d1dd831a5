//! Taking a backup out: whole, in parts, cut off and continued; and what the audit says of it.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use crate::scene::{DONE, Scene};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor, send};

/// Rows of a backup that is larger than what the buffers between the two take in before it is read.
const LONG: u32 = 500_000;

/// A console that runs, with one backup of some megabytes.
struct Shelf {
    scene: Scene,
    visitor: Visitor,
    path: String,
    dump: PathBuf,
    bytes: Vec<u8>,
}

impl Shelf {
    async fn new() -> Self {
        Self::of(60_000).await
    }

    /// The same with as many rows, of some 60 bytes each in the artifact.
    async fn of(rows: u32) -> Self {
        let mut scene = Scene::terminal(Project::new());
        scene.ask(&format!(
            "CREATE TABLE big AS SELECT n, md5(n::text) || md5((n * 7)::text) || md5((n * 11)::text) AS text \
             FROM generate_series(1, {rows}) n"
        ));
        scene.run(&["backup", "take"], DONE);
        scene.console.serve();
        let visitor = Visitor::signed_in(&scene.console).await;
        let list = visitor.read("/t/app/backups").await;
        let path = list.attribute("main a[href$='/download']", "href");
        let archive = scene.console.folder().join("backups");
        let files = std::fs::read_dir(archive).unwrap();
        let mut names = files.map(|entry| entry.unwrap().path());
        let dump = names
            .find(|path| path.extension().unwrap() == "dump")
            .unwrap();
        let bytes = std::fs::read(&dump).unwrap();
        assert!(bytes.len() > 2_000_000, "{}", bytes.len());
        Self {
            scene,
            visitor,
            path,
            dump,
            bytes,
        }
    }

    async fn ask(&self, headers: &[(&str, &str)]) -> Page {
        let mut request = self.visitor.request(Method::GET, &self.path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request).await
    }

    /// The entries of the audit about downloads, newest first, once there are as many.
    async fn audit(&self, entries: usize) -> String {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let page = self
                .visitor
                .read("/audit?action=backup.download")
                .await
                .words();
            if page.matches("Download a backup").count() > entries {
                return page;
            }
            assert!(Instant::now() < deadline, "{page}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Begins the download on a connection of its own, reads `length` bytes of the file, and hangs up.
    fn cut_off_after(&self, length: usize, cookie: &str) -> Vec<u8> {
        let address = ("127.0.0.1", self.scene.console.port());
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let port = self.scene.console.port();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n",
            self.path
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let got = stream.read(&mut buffer).unwrap();
            assert_ne!(got, 0, "{}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&buffer[..got]);
            let body = read.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(body) = body.map(|at| at + 4).filter(|at| read.len() >= at + length) {
                return read[body..body + length].to_vec();
            }
        }
    }
}

#[tokio::test]
async fn a_download_that_was_cut_off_goes_on_at_the_same_byte() {
    let shelf = Shelf::of(LONG).await;
    let signed_in = shelf
        .visitor
        .sign_in(
            crate::support::console::USER,
            crate::support::console::USER_PASSWORD,
        )
        .await;
    let cookie = signed_in.cookie("lockkeeper");
    let cookie = cookie.split(';').next().unwrap();
    let first = shelf.cut_off_after(700_000, cookie);
    let whole = shelf.ask(&[]).await;
    assert_eq!(whole.bytes, shelf.bytes);
    let tag = whole.header("etag");
    let rest = shelf
        .ask(&[("range", "bytes=700000-"), ("if-range", &tag)])
        .await;
    assert_eq!(rest.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!([first, rest.bytes].concat(), shelf.bytes, "byte for byte");
    let audit = shelf.audit(6).await;
    let length = shelf.bytes.len();
    for said in [
        format!("all {length} bytes: cut off after"),
        format!("all {length} bytes: handed over in"),
        format!("bytes 700000 to {} of {length}: handed over in", length - 1),
    ] {
        assert!(audit.contains(&said), "{said}: {audit}");
    }
}

#[tokio::test]
async fn the_tag_of_a_backup_is_its_hash() {
    let shelf = Shelf::new().await;
    let list = shelf.scene.run(&["backup", "list", "--json"], DONE).json();
    let hash = list["backups"][0]["file"]["sha256"].as_str().unwrap();
    let tag = format!("\"{hash}\"");
    let head = send(shelf.visitor.request(Method::HEAD, &shelf.path)).await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(head.header("etag"), tag);
    assert_eq!(head.header("content-length"), shelf.bytes.len().to_string());
    assert_eq!(head.header("accept-ranges"), "bytes");
    assert!(!head.header("last-modified").is_empty());
    assert!(head.bytes.is_empty());
    let known = shelf.ask(&[("if-none-match", &tag)]).await;
    assert_eq!(
        (known.status, known.bytes.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    let other = shelf.ask(&[("if-match", "\"another\"")]).await;
    assert_eq!(other.status, StatusCode::PRECONDITION_FAILED);
    let suffix = shelf.ask(&[("range", "bytes=-1000")]).await;
    assert_eq!(suffix.bytes, shelf.bytes[shelf.bytes.len() - 1000..]);
    assert_eq!(suffix.header("content-length"), "1000");
    let several = shelf.ask(&[("range", "bytes=0-9,20-29")]).await;
    assert_eq!(
        (several.status, several.bytes == shelf.bytes),
        (StatusCode::OK, true)
    );
    let beyond = shelf.ask(&[("range", "bytes=999999999-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(
        beyond.header("content-range"),
        format!("bytes */{}", shelf.bytes.len())
    );
    // What sends no byte is no download.
    let audit = shelf.audit(4).await;
    assert_eq!(audit.matches("handed over").count(), 2, "{audit}");
}

#[tokio::test]
async fn what_changes_under_way_is_not_passed_off_as_the_backup() {
    let shelf = Shelf::of(LONG).await;
    let request = shelf.visitor.request(Method::GET, &shelf.path);
    let mut response = request.send().await.unwrap();
    response.chunk().await.unwrap();
    let mut damaged = shelf.bytes.clone();
    damaged[1_000_000] ^= 1;
    std::fs::write(&shelf.dump, &damaged).unwrap();
    let mut cut = false;
    loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(_) => {
                cut = true;
                break;
            }
        }
    }
    assert!(cut, "a changed artifact was sent to its end");
    let audit = shelf.audit(2).await;
    assert!(audit.contains("cut off after"), "{audit}");
    // One that has another length is not there at all.
    std::fs::write(&shelf.dump, &shelf.bytes[1..]).unwrap();
    assert_eq!(shelf.ask(&[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn many_at_once_get_the_same_bytes() {
    let shelf = Shelf::new().await;
    let asked = (0..8).map(|_| shelf.ask(&[]));
    for page in futures_util::future::join_all(asked).await {
        assert!(page.bytes == shelf.bytes);
    }
    let audit = shelf.audit(16).await;
    assert_eq!(audit.matches("handed over").count(), 8, "{audit}");
}
