//! The page of the installation: what it tells, also of a dead target, and that the terminal tells the same.

use std::time::{Duration, Instant};

use crate::scene::{Scene, UNREACHABLE, cluster, database, target};
use crate::support::cluster::PASSWORD;
use crate::support::console::Console;
use crate::support::project::Project;
use crate::support::visitor::Visitor;

#[tokio::test]
async fn the_page_tells_what_the_installation_is_made_of() {
    let scene = Scene::serving(Project::new().migration("1_init", "CREATE TABLE word (id int);"));
    let visitor = Visitor::signed_in(&scene.console).await;
    let footer = visitor.read("/").await;
    assert_eq!(footer.attribute("footer a", "href"), "/system");
    // The worker says that it is there a moment after the start.
    let deadline = Instant::now() + Duration::from_secs(20);
    let words = loop {
        let words = visitor.read("/system").await.words();
        if words.contains("jobs at a time") || Instant::now() > deadline {
            break words;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let major = scene.ask("SHOW server_version_num");
    let postgres = format!("target app Postgres {}", &major[..2]);
    for part in [
        concat!("version ", env!("CARGO_PKG_VERSION")),
        "none is trusted",
        " UTC",
        "SQLite in ",
        "step 5 of the schema, never written to a file",
        "GB free",
        "4 jobs at a time, since 20",
        "0 running, 0 queued, 0 scheduled",
        "pg_dump and pg_restore ",
        &postgres,
        "1 migration in ",
    ] {
        assert!(words.contains(part), "`{part}` is not in {words}");
    }
    assert!(!words.contains(PASSWORD), "{words}");
    assert!(
        !Visitor::new(&scene.console)
            .get("/system")
            .await
            .text
            .contains("SQLite")
    );
}

#[tokio::test]
async fn a_dead_target_holds_up_nobody() {
    let project = Project::new();
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mute = format!(
        "postgresql://u:hunter2@127.0.0.1:{}/d",
        silent.local_addr().unwrap().port()
    );
    let dead = "postgresql://u:hunter2@127.0.0.1:1/d";
    let (live, store) = (cluster().url(&database()), cluster().url(&database()));
    let lines = [
        target("mute", &mute, &project),
        target("dead", dead, &project),
        target("live", &live, &project),
    ];
    let mut console = Console::prepare(&lines, Some(&store));
    console.add_user();
    console.serve();
    let visitor = Visitor::signed_in(&console).await;
    let began = Instant::now();
    let page = visitor.read("/system").await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    let words = page.words();
    for part in [
        "target mute it has not answered yet",
        "to fix: target dead",
        "well: target live Postgres",
        "Postgres in 127.0.0.1/",
        "the store's server agrees",
    ] {
        assert!(words.contains(part), "`{part}` is not in {words}");
    }
    assert!(page.one("h1").contains("to fix"), "{words}");
    let said = console.cli(&["doctor"]);
    assert_eq!(said.status.code(), Some(UNREACHABLE));
    let said = String::from_utf8(said.stdout).unwrap();
    for part in [
        "fix  target dead: ",
        "ok   target live: Postgres",
        "ok   clock: ",
        "ok   jobs: ",
    ] {
        assert!(said.contains(part), "`{part}` is not in {said}");
    }
    for text in [&page.text, &said] {
        assert!(
            !text.contains("hunter2") && !text.contains(PASSWORD),
            "{text}"
        );
    }
}
