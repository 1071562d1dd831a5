use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;

use super::support::cluster::{Cluster, encode};
use super::{look, parse, told, work};

async fn one(session: &lockkeeper::target::Session, sql: &str) -> String {
    let row = session.client().query_one(sql, &[]).await.unwrap();
    row.get(0)
}

#[tokio::test]
async fn every_failure_says_what_happened() {
    let cluster = Cluster::start();
    let port = cluster.port();
    cluster.psql("postgres", "CREATE ROLE barred LOGIN PASSWORD 'hunter2'; REVOKE CONNECT ON DATABASE postgres FROM PUBLIC");
    for (url, words) in [
        (
            cluster.url_as("postgres", "hunter2", "postgres"),
            "did not accept the password of role postgres",
        ),
        (
            cluster.url_as("nobody", "hunter2", "postgres"),
            "did not accept the password of role nobody",
        ),
        (cluster.url("missing"), "There is no database missing"),
        (
            cluster.url_as("barred", "hunter2", "postgres"),
            "may not connect to database postgres",
        ),
        (
            format!("postgresql://postgres@127.0.0.1:{port}/postgres"),
            "asks for a password",
        ),
        (
            cluster.url("postgres") + "?sslmode=require",
            "offers no encryption",
        ),
        (
            "postgresql://u:hunter2@127.0.0.1:1/d".to_owned(),
            "Nothing listens at 127.0.0.1:1",
        ),
        (
            "postgresql://u:hunter2@no-such-host.invalid/d".to_owned(),
            "host name in no-such-host.invalid:5432 is not known",
        ),
        (
            "postgresql://u:hunter2@localhost/d?host=/nowhere".to_owned(),
            "There is no socket /nowhere/.s.PGSQL.5432",
        ),
    ] {
        let trouble = look(&url).await.unwrap_err();
        assert!(told(&trouble).contains(words), "{words}: {trouble:?}");
        assert_eq!(trouble.data, "Nothing was read or changed.");
    }
}

#[tokio::test]
async fn a_full_server_is_named() {
    let cluster = Cluster::start();
    cluster.psql(
        "postgres",
        "CREATE ROLE single LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 1",
    );
    let url = cluster.url_as("single", "hunter2", "postgres");
    let first = look(&url).await.unwrap();
    let trouble = look(&url).await.unwrap_err();
    assert!(told(&trouble).contains("no connection left"), "{trouble:?}");
    first.close().await;
    look(&url)
        .await
        .expect("closing has freed the only connection");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silence = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        let _read = stream.read_to_end(&mut bytes).await;
    });
    let began = Instant::now();
    let url = format!("postgresql://u:hunter2@127.0.0.1:{port}/d?connect_timeout=1");
    let trouble = look(&url).await.unwrap_err();
    assert!(
        told(&trouble).contains("did not answer within 1 seconds"),
        "{trouble:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(3));
    silence.await.unwrap();
}

#[tokio::test]
async fn somebody_else_at_the_port_is_noticed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let trouble = look(&format!("postgresql://u:hunter2@127.0.0.1:{port}/d"))
        .await
        .unwrap_err();
    assert!(told(&trouble).contains("hung up"), "{trouble:?}");
}

#[tokio::test]
async fn a_look_is_read_only_and_named() {
    let cluster = Cluster::start();
    let session = look(&cluster.url("postgres")).await.unwrap();
    assert_eq!(one(&session, "SHOW application_name").await, "lockkeeper");
    assert_eq!(one(&session, "SHOW statement_timeout").await, "5s");
    assert_eq!(one(&session, "SHOW lock_timeout").await, "1s");
    let refused = session
        .client()
        .batch_execute("CREATE TABLE x ()")
        .await
        .unwrap_err();
    assert!(lockkeeper::target::describe(&refused).contains("SQLSTATE 25006"));
    assert_eq!(session.pooled(), None);
    assert!(session.major() >= 13);

    let session = work(&cluster.url("postgres")).await.unwrap();
    assert_eq!(
        one(&session, "SHOW application_name").await,
        "lockkeeper:a-job"
    );
    assert_eq!(one(&session, "SHOW statement_timeout").await, "0");
    assert_eq!(one(&session, "SHOW lock_timeout").await, "3s");
    session
        .client()
        .batch_execute("CREATE TABLE x ()")
        .await
        .unwrap();
}

#[tokio::test]
async fn sockets_and_hostile_names_work() {
    let cluster = Cluster::start();
    look(&cluster.socket_url("postgres")).await.unwrap();
    let long = "n".repeat(63);
    for name in [
        "\"; DROP TABLE x; --",
        "🚢 emoji",
        &long,
        "a\nb",
        "host=evil dbname=x",
        "%41/?#&=",
    ] {
        cluster.create_database(name);
        let session = look(&cluster.url(name)).await.unwrap();
        assert_eq!(one(&session, "SELECT current_database()::text").await, name);
        assert!(!parse(&cluster.url(name)).safe().contains('\n'));
    }
}

#[tokio::test]
async fn the_schema_is_where_the_ledger_resolves() {
    let cluster = Cluster::start();
    let plain = cluster.url("postgres");
    assert_eq!(look(&plain).await.unwrap().schema(), "public");
    let odd = "o d\\d\"'x";
    let quoted = odd.replace('"', "\"\"");
    cluster.psql(
        "postgres",
        &format!("CREATE SCHEMA \"{quoted}\"; CREATE SCHEMA postgres; CREATE SCHEMA tenant"),
    );
    let session = look(&format!("{plain}?schema={}", encode(odd)))
        .await
        .unwrap();
    assert_eq!(session.schema(), odd);
    assert_eq!(one(&session, "SELECT current_schema()::text").await, odd);
    assert_eq!(
        one(&session, "SHOW search_path").await,
        format!("\"{quoted}\"")
    );
    // A schema named like the role comes first on the search path, unless the table is already in public.
    assert_eq!(look(&plain).await.unwrap().schema(), "postgres");
    cluster.psql("postgres", "CREATE TABLE public._prisma_migrations ()");
    assert_eq!(look(&plain).await.unwrap().schema(), "public");
    let session = look(&format!("{plain}?options=-c%20search_path%3Dtenant"))
        .await
        .unwrap();
    assert_eq!(session.schema(), "tenant");
}

#[tokio::test]
async fn poolers_are_refused_for_work_and_left_unset_for_a_look() {
    let cluster = Cluster::start();
    let url = cluster.url("postgres") + "?pgbouncer=true";
    let trouble = work(&url).await.unwrap_err();
    assert!(told(&trouble).contains("transaction pooler"), "{trouble:?}");
    let session = look(&url).await.unwrap();
    assert!(session.pooled().is_some());
    assert_eq!(
        one(&session, "SHOW statement_timeout").await,
        "0",
        "a setting would leak into the pool"
    );
    assert_eq!(
        one(&session, "SHOW default_transaction_read_only").await,
        "off"
    );
}

#[tokio::test]
async fn notices_are_values_and_statements_can_be_cancelled() {
    let cluster = Cluster::start();
    let session = work(&cluster.url("postgres")).await.unwrap();
    let raise = "DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'a hint'; END $$";
    session.client().batch_execute(raise).await.unwrap();
    let notices = session.notices();
    assert_eq!(notices.len(), 1);
    assert_eq!(
        (notices[0].severity.as_str(), notices[0].message.as_str()),
        ("WARNING", "careful")
    );
    assert_eq!(notices[0].hint.as_deref(), Some("a hint"));
    assert!(session.notices().is_empty());

    let cancel = session.cancel_token();
    let canceller = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel().await.unwrap();
    });
    let error = session
        .client()
        .batch_execute("SELECT pg_sleep(20)")
        .await
        .unwrap_err();
    assert!(lockkeeper::target::describe(&error).contains("57014"));
    canceller.await.unwrap();
    session
        .client()
        .batch_execute("SELECT 1")
        .await
        .expect("the session lives on");

    cluster.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lockkeeper:a-job'");
    // Without a statement under way the reason comes by itself; the next statement only learns that it is over.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(session.client().batch_execute("SELECT 1").await.is_err());
    assert!(
        session.lost().unwrap_or_default().contains("57P01"),
        "{:?}",
        session.lost()
    );
}

#[tokio::test]
async fn dropping_a_session_lets_go_of_its_locks() {
    let cluster = Cluster::start();
    let session = work(&cluster.url("postgres")).await.unwrap();
    session
        .client()
        .batch_execute("SELECT pg_advisory_lock(72707369)")
        .await
        .unwrap();
    drop(session);
    let began = Instant::now();
    let other = look(&cluster.url("postgres")).await.unwrap();
    while !other
        .client()
        .query_one("SELECT pg_try_advisory_lock(72707369)", &[])
        .await
        .unwrap()
        .get::<_, bool>(0)
    {
        assert!(began.elapsed() < Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn certificates_are_checked_as_the_url_asks() {
    let cluster = Cluster::with_tls();
    let authority = encode(&cluster.authority().to_string_lossy());
    let by_name = cluster.url("postgres").replace("127.0.0.1", "localhost");
    let by_address = cluster.url("postgres");
    for (url, query, refusal) in [
        (&by_address, "sslmode=require".to_owned(), None),
        (&by_address, "sslmode=prefer".to_owned(), None),
        (
            &by_address,
            "sslmode=require&channel_binding=require".to_owned(),
            None,
        ),
        (
            &by_address,
            "sslaccept=strict".to_owned(),
            Some("UnknownIssuer"),
        ),
        (
            &by_name,
            "sslmode=verify-full".to_owned(),
            Some("UnknownIssuer"),
        ),
        (
            &by_name,
            format!("sslmode=verify-full&sslrootcert={authority}"),
            None,
        ),
        (
            &by_name,
            format!("sslaccept=strict&sslcert={authority}"),
            None,
        ),
        (
            &by_address,
            format!("sslaccept=strict&sslcert={authority}"),
            Some("not trusted"),
        ),
        (
            &by_address,
            format!("sslmode=verify-ca&sslcert={authority}"),
            None,
        ),
        (
            &by_name,
            "sslaccept=strict&sslcert=/nowhere.pem".to_owned(),
            Some("/nowhere.pem cannot be used"),
        ),
    ] {
        let opened = look(&format!("{url}?{query}")).await;
        match (opened, refusal) {
            (Ok(session), None) => {
                let ssl = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
                assert_eq!(one(&session, ssl).await, "true", "{query}");
            }
            (Err(trouble), Some(words)) => {
                assert!(told(&trouble).contains(words), "{query}: {trouble:?}");
            }
            (opened, _) => panic!("{query}: {:?}", opened.map(|_| "opened")),
        }
    }
    let session = look(&(by_address + "?sslmode=disable")).await.unwrap();
    let ssl = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(one(&session, ssl).await, "false");
}
