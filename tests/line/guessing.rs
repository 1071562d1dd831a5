//! Somebody who guesses passwords: is slowed down, learns nothing, and keeps nobody out.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use sqlx::{Connection, SqliteConnection};

use crate::scene::{DONE, REFUSED, Scene, USAGE};
use crate::support::console::{Console, USER, USER_PASSWORD};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor};

const WRONG: &str = "nobody-has-this-passphrase";

/// The console's own store, from behind.
async fn store(console: &Console) -> SqliteConnection {
    let file = console.folder().join("lockkeeper-data/store.db");
    let url = format!("sqlite://{}", file.display());
    SqliteConnection::connect(&url).await.unwrap()
}

/// Makes the one account that somebody has tried before look as if they had failed twenty times until now.
async fn fail_twenty_times(console: &Console) {
    let visitor = Visitor::new(console);
    assert_eq!(
        visitor.sign_in(USER, WRONG).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let raise = "UPDATE throttle SET failures = 20 WHERE name LIKE 'account:%'";
    let raised = sqlx::query(raise)
        .execute(&mut store(console).await)
        .await
        .unwrap();
    assert_eq!(raised.rows_affected(), 1);
}

#[tokio::test]
async fn every_refusal_takes_the_same_time() {
    let scene = Scene::serving(Project::new());
    let disabled = ["user", "add", "old-hand", "--password-stdin"];
    let made = scene.console.cli_with_input(&disabled, USER_PASSWORD);
    assert!(made.status.success());
    scene.run(&["user", "disable", "old-hand"], DONE);
    let mut store = store(&scene.console).await;
    let visitor = Visitor::new(&scene.console);
    let names = [USER, "nobody", "old-hand"];
    let mut times = names.map(|_| Vec::new());
    // One of each in turn, so that whatever else the machine does falls on all of them.
    for _ in 0..30 {
        for (name, times) in names.iter().zip(&mut times) {
            sqlx::query("DELETE FROM throttle")
                .execute(&mut store)
                .await
                .unwrap();
            let began = Instant::now();
            let page = visitor.sign_in(name, WRONG).await;
            times.push(began.elapsed());
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
    }
    let medians = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(*most < *least * 14 / 10, "{names:?} took {medians:?}");
}

#[tokio::test]
async fn somebody_who_guesses_keeps_nobody_out() {
    let init = "CREATE TABLE t (id int); INSERT INTO t VALUES (1);";
    let scene = Scene::serving(Project::new().migration("1_init", init));
    scene.plan_and_apply(DONE);
    scene.project.write("2_drop", "DROP TABLE t;");
    scene.run(&["plan", "make"], REFUSED);
    let hers = Visitor::signed_in(&scene.console).await;
    hers.post("/logout", &[]).await;
    fail_twenty_times(&scene.console).await;
    let guesses: Vec<_> = (0..4)
        .map(|_| {
            let guesser = Visitor::new(&scene.console);
            tokio::spawn(async move { guesser.sign_in(USER, WRONG).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(2)).await;

    // As many wait as may. Whoever comes now is told, whatever the password and whether or not there is such a user.
    let stranger = Visitor::new(&scene.console);
    let began = Instant::now();
    let page = stranger.sign_in(USER, USER_PASSWORD).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(page.header("retry-after"), "15");
    assert_eq!(page.attribute("#name", "value"), USER);
    assert!(page.words().contains("The password was not looked at"));
    assert!(!page.text.contains(USER_PASSWORD));

    // From the same address, with her own browser, she comes in at once. Typing errors of hers are forgiven.
    let page = hers.sign_in(USER, WRONG).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = hers.sign_in(USER, USER_PASSWORD).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    hers.read("/").await;
    assert!(
        guesses.iter().all(|guess| !guess.is_finished()),
        "they still wait"
    );

    // The terminal counts as a stranger: it waits, or is told to come back.
    let again = [
        "plan",
        "approve",
        "--yes",
        "--reason",
        "it is dead",
        "--user",
        USER,
        "--password-stdin",
    ];
    let began = Instant::now();
    let said = scene.console.cli_with_input(&again, USER_PASSWORD);
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    assert!(
        began.elapsed() > Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );

    for guess in guesses {
        let page: Page = guess.await.unwrap();
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[tokio::test]
async fn a_restart_hurries_nobody_and_locks_nobody_out() {
    let mut scene = Scene::serving(Project::new());
    fail_twenty_times(&scene.console).await;
    let began = Instant::now();
    scene.console.kill();
    scene.console.serve();
    let visitor = Visitor::new(&scene.console);
    let page = visitor.sign_in(USER, USER_PASSWORD).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "late, but in");
    assert!(
        began.elapsed() > Duration::from_secs(13),
        "{:?}",
        began.elapsed()
    );
    let known = Visitor::new(&scene.console);
    let began = Instant::now();
    let page = known.sign_in(USER, USER_PASSWORD).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "success has reset the account"
    );
}

#[tokio::test]
async fn the_cookie_of_a_known_browser_opens_nothing() {
    let scene = Scene::serving(Project::new());
    let visitor = Visitor::new(&scene.console);
    let page = visitor.sign_in(USER, USER_PASSWORD).await;
    let cookie = page.cookie("lockkeeper-browser");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=15552000"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let value = cookie.split(';').next().unwrap().to_owned();
    let thief = Visitor::new(&scene.console);
    let request = thief.request(reqwest::Method::GET, "/");
    let page = crate::support::visitor::send(request.header("cookie", &value)).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.location(), "/login?next=%2F");
    // A wrong password leaves none.
    let page = thief.sign_in(USER, WRONG).await;
    assert_eq!(page.cookie("lockkeeper-browser"), "");
}

#[tokio::test]
async fn no_password_is_written_anywhere() {
    let scene = Scene::serving(Project::new());
    let visitor = Visitor::signed_in(&scene.console).await;
    visitor.sign_in(USER, WRONG).await;
    // In the wrong field, too.
    visitor.sign_in(WRONG, USER).await;
    let refused = ["user", "add", "bob", "--password-stdin"];
    for (password, why) in [
        ("lockkeeper-20241", "made of your name"),
        ("iloveyou-iloveyou", "many people use"),
        ("short", "at least 15 characters"),
    ] {
        let said = scene.console.cli_with_input(&refused, password);
        let said = crate::scene::Said::of(said, &refused, USAGE);
        said.says(&[why]);
        assert!(!said.all().contains(password));
    }
    let mut looked_at = 0;
    let files = std::fs::read_dir(scene.console.folder().join("lockkeeper-data")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    for file in files.chain([scene.console.log_path()]) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in [WRONG, USER_PASSWORD, "iloveyou-iloveyou"] {
            let found = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} is in {}", file.display());
        }
        looked_at += 1;
    }
    assert!(looked_at > 1);
}
