//! What a backup costs against the bare tool, a download against reading the file, and lists of many backups and tables.
//! Every ratio is of one run on one machine, the two sides taking turns.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::kill::json;
use crate::speed::{percentile, sign_in};
use crate::support::cluster::{Cluster, PASSWORD};
use crate::support::console::{Console, TargetLines};

/// A gigabyte and more: text that compresses, documents, and bytes that do not compress.
const FILL: &str = "CREATE TABLE review AS SELECT n AS id, md5(n::text) AS word, repeat(md5((n * 7)::text), 6) AS text, now() AS at \
                      FROM generate_series(1, 2400000) n; \
                    CREATE TABLE document AS SELECT n AS id, jsonb_build_object('n', n, 'tags', ARRAY[md5(n::text), 'x'], 'body', repeat('lorem ipsum ', 20)) AS body \
                      FROM generate_series(1, 700000) n; \
                    CREATE TABLE noise AS SELECT n AS id, decode(string_agg(md5(random()::text), ''), 'hex') AS bytes \
                      FROM generate_series(1, 40000) n, generate_series(1, 100) m GROUP BY n; \
                    CREATE INDEX ON review (word); ANALYZE";
const TURNS: usize = 3;

fn console_on(cluster: &Cluster, database: &str) -> (Console, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let target = TargetLines {
        name: "app",
        environment: "production",
        url: &cluster.url(database),
        migrations: folder.path(),
    };
    (Console::prepare(&[target], None), folder)
}

/// `pg_dump` with the options that Lockkeeper gives it, but for the snapshot.
fn bare(cluster: &Cluster, database: &str, to: &Path) -> Duration {
    let began = Instant::now();
    let done = Command::new(cluster.bin().join("pg_dump"))
        .args([
            "--format=custom",
            "--no-password",
            "--verbose",
            "--lock-wait-timeout=30s",
        ])
        .args([
            "--compress=1",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-d",
            database,
        ])
        .args(["-p", &cluster.port().to_string()])
        .arg(format!("--file={}", to.display()))
        .env("PGPASSWORD", PASSWORD)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    began.elapsed()
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn artifacts(console: &Console) -> Vec<PathBuf> {
    let files = std::fs::read_dir(console.folder().join("backups")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().unwrap() == "dump")
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_and_a_download_of_a_gigabyte() {
    let cluster = Cluster::start();
    cluster.create_database("app");
    cluster.psql("app", FILL);
    let size: u64 = cluster
        .psql("app", "SELECT pg_database_size('app')")
        .parse()
        .unwrap();
    assert!(size >= 1_000_000_000, "{size}");
    let (mut console, _folder) = console_on(&cluster, "app");
    console.add_user();
    let plain = console.folder().join("plain.dump");
    // Once for the caches of both.
    bare(&cluster, "app", &plain);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        std::fs::remove_file(&plain).unwrap();
        theirs.push(bare(&cluster, "app", &plain));
        let began = Instant::now();
        let done = console.cli(&["backup", "take"]);
        ours.push(began.elapsed());
        assert!(done.status.success(), "{done:?}");
    }
    println!("database {size} bytes; pg_dump {theirs:?}; backup {ours:?}");
    let list = json(&console, &["backup", "show"]);
    let tables = list["contents"]["tables"].as_array().unwrap();
    assert!(
        tables.iter().all(|table| table["rows_exact"] == true),
        "{tables:?}"
    );
    let ratio = median(&mut ours) / median(&mut theirs);
    println!(
        "backup : pg_dump with the same options = {ratio:.3} (medians of {TURNS} turns; all rows counted, hashed, listed)"
    );
    console.serve();
    download(&console).await;
    assert!(
        ratio <= 1.10,
        "a backup is slower than 1.10 times the bare tool"
    );
}

/// The same file over a bare loopback connection: reads it and writes it, nothing else.
fn loopback(file: &Path) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let path = file.to_owned();
    let sender = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut file = std::fs::File::open(path).unwrap();
        let mut buffer = vec![0; 512 * 1024];
        loop {
            let read = file.read(&mut buffer).unwrap();
            if read == 0 {
                return;
            }
            stream.write_all(&buffer[..read]).unwrap();
        }
    });
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    drain(&mut stream);
    sender.join().unwrap();
    began.elapsed()
}

fn drain(stream: &mut TcpStream) -> u64 {
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        let read = stream.read(&mut buffer).unwrap();
        if read == 0 {
            return bytes;
        }
        bytes += read as u64;
    }
}

async fn download(console: &Console) {
    let file = artifacts(console).remove(0);
    let length = std::fs::metadata(&file).unwrap().len();
    let client = sign_in(console).await;
    let named = file.file_name().unwrap().to_str().unwrap();
    let id = json(console, &["backup", "show", named])["backup"]["id"].take();
    let url = console.url(&format!("/t/app/backups/{}/download", id.as_str().unwrap()));
    let cookie = cookie(console).await;
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        theirs.push(loopback(&file));
        let mut stream = TcpStream::connect(("127.0.0.1", console.port())).unwrap();
        let path = url.split(&console.port().to_string()).last().unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n",
            console.port()
        );
        let began = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        let bytes = drain(&mut stream);
        ours.push(began.elapsed());
        assert!(bytes > length, "{bytes} of {length}");
    }
    let (theirs, ours) = (median(&mut theirs), median(&mut ours));
    println!(
        "download of {length} bytes: {:.0} MB/s; the bare file over a loopback connection: {:.0} MB/s; ratio {:.2}",
        mega(length) / ours,
        mega(length) / theirs,
        theirs / ours
    );
    resume(&client, &url, &file).await;
    assert!(
        theirs / ours >= 0.8,
        "a download is slower than 0.8 times the bare file"
    );
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

async fn cookie(console: &Console) -> String {
    let visitor = crate::support::visitor::Visitor::new(console);
    let page = visitor
        .sign_in(
            crate::support::console::USER,
            crate::support::console::USER_PASSWORD,
        )
        .await;
    let cookie = page.cookie("lockkeeper");
    cookie.split(';').next().unwrap().to_owned()
}

/// Cuts a download off again and again, and goes on where it was.
async fn resume(client: &reqwest::Client, url: &str, file: &Path) {
    let length = std::fs::metadata(file).unwrap().len();
    let (mut have, mut cuts, mut tag) = (0, 0_u64, String::new());
    let mut hash = Sha256::new();
    while have < length {
        let mut request = client.get(url);
        if have > 0 {
            request = request
                .header("range", format!("bytes={have}-"))
                .header("if-range", &tag);
        }
        let mut response = request.send().await.unwrap();
        assert_eq!(response.status(), if have > 0 { 206 } else { 200 });
        tag = response.headers()["etag"].to_str().unwrap().to_owned();
        let cut = 1 + (cuts * 7_919_333) % (length / 8);
        let mut got = 0;
        while got < cut {
            let Some(piece) = response.chunk().await.unwrap() else {
                break;
            };
            got += piece.len() as u64;
            hash.update(&piece);
        }
        have += got;
        cuts += 1;
    }
    let whole = Sha256::digest(std::fs::read(file).unwrap());
    assert_eq!(hash.finalize(), whole, "byte for byte");
    println!("a download in {cuts} pieces, each cut off at another byte: identical");
}

#[test]
fn two_thousand_tables() {
    let cluster = Cluster::start();
    cluster.create_database("many");
    let tables = "DO $$ BEGIN FOR n IN 1..2000 LOOP \
                  EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, text text); INSERT INTO t%s (text) SELECT ''x'' FROM generate_series(1, %s)', n, n, n % 50); \
                  END LOOP; END $$";
    // One transaction would ask for more locks than a server has by default; half as many each.
    for half in ["1..1000", "1001..2000"] {
        cluster.psql("many", &tables.replace("1..2000", half));
    }
    let (console, folder) = console_on(&cluster, "many");
    let plain = bare(&cluster, "many", &folder.path().join("plain.dump"));
    let began = Instant::now();
    let done = console.cli(&["backup", "take"]);
    let took = began.elapsed();
    assert!(done.status.success(), "{done:?}");
    let shown = json(&console, &["backup", "show"]);
    let tables = shown["contents"]["tables"].as_array().unwrap();
    let rows: i64 = tables
        .iter()
        .map(|table| table["rows"].as_i64().unwrap())
        .sum();
    assert_eq!((tables.len(), rows), (2000, 40 * (0..50).sum::<i64>()));
    assert_eq!(shown["state"], "readable");
    println!("2,000 tables, each counted: backup {took:?}, bare pg_dump {plain:?}");
}

#[tokio::test]
async fn five_hundred_backups_are_listed_at_once() {
    let cluster = Cluster::start();
    cluster.create_database("app");
    let tables = "DO $$ BEGIN FOR n IN 1..40 LOOP EXECUTE format('CREATE TABLE \"TableOfSomeLength%s\" (id int)', n); END LOOP; END $$";
    cluster.psql("app", tables);
    let (mut console, _folder) = console_on(&cluster, "app");
    console.add_user();
    assert!(console.cli(&["backup", "take"]).status.success());
    let archive = console.folder().join("backups");
    let dump = artifacts(&console).remove(0);
    let text = std::fs::read_to_string(dump.with_extension("json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (id, stem) = (
        manifest["id"].as_str().unwrap(),
        dump.file_stem().unwrap().to_str().unwrap(),
    );
    for number in 1..500 {
        let name = format!("{stem}-{}", number + 1);
        let other = format!("{}{number:012x}", &id[..24]);
        std::fs::copy(&dump, archive.join(format!("{name}.dump"))).unwrap();
        let text = text.replace(id, &other).replace(stem, &name);
        std::fs::write(archive.join(format!("{name}.json")), text).unwrap();
    }
    let began = Instant::now();
    let list = json(&console, &["backup", "list"]);
    let terminal = began.elapsed();
    assert_eq!(list["backups"].as_array().unwrap().len(), 500);
    assert_eq!(list["problems"], serde_json::json!([]));
    console.serve();
    let client = sign_in(&console).await;
    let mut times = Vec::new();
    for _ in 0..40 {
        let began = Instant::now();
        let page = client
            .get(console.url("/t/app/backups"))
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), 200);
        page.bytes().await.unwrap();
        times.push(began.elapsed());
    }
    times.sort();
    println!(
        "500 backups ({} bytes of manifest each): page p50 {:.1} ms, worst {:.1} ms; terminal {terminal:?}",
        text.len(),
        percentile(&times, 50),
        percentile(&times, 100)
    );
    assert!(percentile(&times, 50) < 150.0);
}
