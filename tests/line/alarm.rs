//! What does not happen by itself: a backup that is overdue, a target that does not answer. Looked for by the program itself
//! with a clock that the test moves.

use lockkeeper::app::App;
use lockkeeper::app::alarm::Alarm;
use lockkeeper::clock::Clock;
use lockkeeper::config::{Config, Environment, FILE, Flags};
use lockkeeper::job::Operation;
use lockkeeper::job::queue::{By, Request};
use lockkeeper::notify::notification::{self, Filter};
use lockkeeper::notify::{Channel, Kind, policy, subscription};
use tempfile::TempDir;

use crate::scene::{cluster, database};

const BY: By<'_> = By {
    actor: "ada",
    place: "terminal",
};
const HOUR: i64 = 3_600_000;

/// The program on a store in `folder`, with one target at `url`.
async fn open(folder: &TempDir, url: &str, clock: &Clock) -> App {
    let text = format!("[[target]]\nname = \"app\"\nurl = \"{url}\"\n");
    std::fs::write(folder.path().join(FILE), text).unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let env = Environment::of(folder.path(), [("PATH", path.to_str().unwrap())]);
    let config = Config::load(&Flags::default(), &env).unwrap();
    App::open(config, clock.clone()).await.unwrap()
}

async fn subscribe(app: &App, kind: Kind) {
    let channel = Channel::Webhook("ops".to_owned());
    subscription::create(&app.store, &app.clock, "app", &channel, &[kind], BY)
        .await
        .unwrap();
}

/// What was told, oldest first: the kind and the text.
async fn told(app: &App) -> Vec<(String, String)> {
    let found = notification::page(&app.store, &Filter::default(), None, 100).await;
    let mut found = found.unwrap();
    found.reverse();
    found.into_iter().map(|one| (one.kind, one.text)).collect()
}

fn now() -> Clock {
    Clock::fixed(Clock::system().now_ms())
}

#[tokio::test]
async fn a_target_that_is_down_for_two_minutes_is_told_once_and_once_when_it_is_back() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), now());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let dead = format!("postgresql://ada:hidden-word@127.0.0.1:{port}/app");
    let down = open(&folder, &dead, &clock).await;
    let mut alarm = Alarm::default();
    // Nobody wants to know.
    for _ in 0..6 {
        alarm.look(&down).await.unwrap();
        clock.advance(60_000);
    }
    subscribe(&down, Kind::TargetDown).await;
    assert!(told(&down).await.is_empty());
    // A machine that slept in between has looked twice only.
    alarm.look(&down).await.unwrap();
    clock.advance(HOUR);
    alarm.look(&down).await.unwrap();
    assert!(told(&down).await.is_empty());
    let mut other = Alarm::default();
    for _ in 0..6 {
        alarm.look(&down).await.unwrap();
        other.look(&down).await.unwrap();
        clock.advance(30_000);
    }
    let so_far = told(&down).await;
    assert_eq!(so_far.len(), 1, "{so_far:?}");
    assert_eq!(so_far[0].0, "target-down");
    assert!(so_far[0].1.contains("It has not answered since 20"));
    assert!(!so_far[0].1.contains("hidden-word"), "{so_far:?}");

    let up = open(&folder, &cluster().url(&database()), &clock).await;
    for _ in 0..2 {
        alarm.look(&up).await.unwrap();
    }
    let so_far = told(&up).await;
    assert_eq!(so_far.len(), 2, "{so_far:?}");
    assert_eq!(so_far[1].0, "target-back");
    // One that comes back before the two minutes are over is nothing to tell.
    for app in [&down, &up, &down, &up, &down, &up] {
        clock.advance(100_000);
        alarm.look(app).await.unwrap();
    }
    assert_eq!(told(&up).await.len(), 2);
}

#[tokio::test]
async fn a_backup_that_is_absent_is_told_until_there_is_one() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), now());
    let app = open(&folder, &cluster().url(&database()), &clock).await;
    let mut alarm = Alarm::default();
    subscribe(&app, Kind::BackupAbsent).await;
    alarm.look(&app).await.unwrap();
    assert!(told(&app).await.is_empty(), "it is off");
    let set = async |hours| {
        policy::set_backup_age_hours(&app.store, &clock, "app", hours, BY)
            .await
            .unwrap();
    };
    set(Some(26)).await;
    let mut look = async |app: &App| {
        clock.advance(HOUR);
        alarm.look(app).await.unwrap();
        told(app).await.len()
    };
    assert_eq!((look(&app).await, look(&app).await), (1, 1));
    assert!(told(&app).await[0].1.contains("no backup of it at all"));
    take_backup(&app).await;
    for _ in 0..26 {
        assert_eq!(look(&app).await, 1);
    }
    assert_eq!((look(&app).await, look(&app).await), (2, 2));
    assert!(
        told(&app).await[1]
            .1
            .contains("The newest one was begun at 20")
    );
    // Switched off and on again, it is told again.
    set(None).await;
    assert_eq!(look(&app).await, 2);
    set(Some(1)).await;
    assert_eq!(look(&app).await, 3);
}

async fn take_backup(app: &App) {
    let operation = Operation::TakeBackup {
        target: "app".to_owned(),
        note: String::new(),
    };
    let request = Request {
        operation: &operation,
        by: BY,
        key: None,
    };
    let job = app.enqueue(&request).await.unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    assert!(app.run_here(&job, &stop).await.unwrap());
}
