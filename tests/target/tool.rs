use std::time::{Duration, Instant};

use lockkeeper::target::tool::{Child, ConnectionFiles, Ended, Tools};
use tokio_util::sync::CancellationToken;

use super::support::cluster::Cluster;
use super::support::skip::skipped;
use super::{look, parse, work};

async fn dump(tools: &Tools, url: &str, args: &[&str], cancel: &CancellationToken) -> Ended {
    let files = ConnectionFiles::write(&parse(url)).unwrap();
    let args = args.iter().chain(&["--no-password", "--verbose"]);
    let child = Child::start(&tools.pg_dump, args, files.env("a-dump"), |_| {}).unwrap();
    child.wait_or_cancel(cancel).await.unwrap()
}

async fn tools(cluster: &Cluster) -> Tools {
    let session = look(&cluster.url("postgres")).await.unwrap();
    Tools::find(session.major()).await.unwrap()
}

#[tokio::test]
async fn the_tools_connect_whatever_the_names_are() {
    let cluster = Cluster::start();
    let tools = tools(&cluster).await;
    cluster.psql(
        "postgres",
        "CREATE ROLE \"od:d\\'r#\" SUPERUSER LOGIN PASSWORD 'p:a\\s s=w''#'",
    );
    for name in [
        "host=evil dbname=x",
        "postgresql://evil/x",
        "service=evil",
        "a;b'c\"d",
        "🚢",
        " lead",
        "#x",
    ] {
        cluster.create_database(name);
        cluster.psql(name, "CREATE TABLE witness ()");
        for url in [
            cluster.url_as("od:d\\'r#", "p:a\\s s=w'#", name),
            cluster.socket_url(name),
        ] {
            let ended = dump(&tools, &url, &["--schema-only"], &CancellationToken::new()).await;
            let script = String::from_utf8_lossy(&ended.stdout);
            assert!(ended.status.success(), "{name}: {}", ended.stderr);
            assert!(script.contains("CREATE TABLE public.witness"), "{name}");
        }
    }
    let wrong = cluster.url_as("postgres", "hunter2", "postgres");
    let ended = dump(&tools, &wrong, &[], &CancellationToken::new()).await;
    assert!(!ended.status.success());
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_restore_goes_to_the_named_database() {
    let cluster = Cluster::start();
    let tools = tools(&cluster).await;
    cluster.psql("postgres", "CREATE TABLE witness ()");
    let name = "host=evil dbname=x";
    cluster.create_database(name);
    let folder = tempfile::TempDir::new().unwrap();
    let archive = folder.path().join("archive");
    let file = format!("--file={}", archive.display());
    let never = CancellationToken::new();
    let ended = dump(
        &tools,
        &cluster.url("postgres"),
        &["--format=custom", &file],
        &never,
    )
    .await;
    assert!(ended.status.success(), "{}", ended.stderr);

    let files = ConnectionFiles::write(&parse(&cluster.url(name))).unwrap();
    let args = [
        ConnectionFiles::dbname_argument(),
        archive.display().to_string(),
    ];
    let child = Child::start(&tools.pg_restore, args, files.env("a-restore"), |_| {}).unwrap();
    let ended = child.wait_or_cancel(&never).await.unwrap();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(cluster.psql(name, "SELECT count(*) FROM witness"), "0");
}

#[tokio::test]
async fn cancelling_a_parallel_dump_leaves_no_session() {
    let cluster = Cluster::start();
    let tools = tools(&cluster).await;
    cluster.psql(
        "postgres",
        "CREATE TABLE a AS SELECT 1 AS id; CREATE TABLE b AS SELECT 1 AS id",
    );
    // The dump waits for this lock, as it does behind a migration.
    let holder = work(&cluster.url("postgres")).await.unwrap();
    holder
        .client()
        .batch_execute("BEGIN; LOCK TABLE b IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let file = format!("--file={}", folder.path().join("dump").display());
    let cancel = CancellationToken::new();
    let soon = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        soon.cancel();
    });
    let began = Instant::now();
    let url = cluster.url("postgres");
    let ended = dump(
        &tools,
        &url,
        &["--format=directory", "--jobs=2", &file],
        &cancel,
    )
    .await;
    assert!(ended.cancelled && !ended.status.success());
    assert!(began.elapsed() < Duration::from_secs(5));
    let sessions =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lockkeeper:a-dump'";
    while cluster.psql("postgres", sessions) != "0" {
        assert!(began.elapsed() < Duration::from_secs(8));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_tools_check_certificates_as_we_do() {
    let cluster = Cluster::with_tls();
    let tools = tools(&cluster).await;
    let authority = cluster.authority();
    let by_name = cluster.url("postgres").replace("127.0.0.1", "localhost");
    for (url, query, works) in [
        (
            &by_name,
            format!("sslaccept=strict&sslcert={}", authority.display()),
            true,
        ),
        (
            &cluster.url("postgres"),
            format!("sslaccept=strict&sslcert={}", authority.display()),
            false,
        ),
        (
            &cluster.url("postgres"),
            format!("sslmode=verify-ca&sslcert={}", authority.display()),
            true,
        ),
        (&cluster.url("postgres"), "sslmode=require".to_owned(), true),
    ] {
        let url = format!("{url}?{query}");
        assert_eq!(look(&url).await.is_ok(), works, "{query}");
        let ended = dump(&tools, &url, &["--schema-only"], &CancellationToken::new()).await;
        if ended.stderr.contains("SSL support is not compiled in") {
            skipped("certificates with pg_dump, which is built without TLS here");
            continue;
        }
        assert_eq!(ended.status.success(), works, "{query}: {}", ended.stderr);
    }
}
