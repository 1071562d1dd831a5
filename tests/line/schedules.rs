//! Schedules at the browser's door: add, refuse, change, pause, run, delete; and a console that was down at the time.

use std::time::Duration;

use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::scene::Scene;
use crate::support::console::Console;
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor};

const SETTINGS: &str = "/t/app/settings";
const ADD: &str = "/t/app/settings/schedules";

fn scene() -> Scene {
    Scene::serving(Project::new().migration("1_init", "CREATE TABLE word (id int);"))
}

/// The form that adds a backup; what is given as cron counts.
async fn add(visitor: &Visitor, cron: &str, zone: &str) -> Page {
    let form = [
        ("operation", "backup.take"),
        ("preset", "30 3 * * *"),
        ("cron", cron),
        ("zone", zone),
    ];
    visitor.post(ADD, &form).await
}

/// Follows a form to the page that it leads to.
async fn follow(visitor: &Visitor, page: Page) -> Page {
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    visitor.read(&page.location()).await
}

/// The path of the one schedule there is.
fn path(page: &Page) -> String {
    page.attribute("main .rows a.btn", "href")
}

/// Moves the run that waits into the past, while the console is down.
async fn make_overdue(console: &Console) {
    use sqlx::Connection;
    let file = console.folder().join("lockkeeper-data/store.db");
    let url = format!("sqlite://{}", file.display());
    let mut store = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let moved =
        sqlx::query("UPDATE job SET run_at = created_at - 259200000 WHERE state = 'scheduled'")
            .execute(&mut store)
            .await
            .unwrap();
    assert_eq!(moved.rows_affected(), 1);
}

#[tokio::test]
async fn a_schedule_from_its_first_form_to_its_end() {
    let scene = scene();
    let visitor = Visitor::signed_in(&scene.console).await;
    let empty = visitor.read(SETTINGS).await;
    assert!(
        empty
            .words()
            .contains("No schedule yet Nightly backups: choose")
    );

    let page = follow(&visitor, add(&visitor, "", "europe/berlin").await).await;
    let words = page.words();
    assert!(
        words.contains("Added: Take a backup, every day at 03:30 Europe/Berlin."),
        "{words}"
    );
    assert!(words.contains("it has not run yet"), "{words}");
    let next = page.one("main .rows a[href^='/jobs/']");
    assert!(next.ends_with(" 03:30"), "{next}");
    let waiting = page.attribute("main .rows a[href^='/jobs/']", "href");
    assert_eq!(visitor.read(&waiting).await.one("#job-state"), "scheduled");
    // The same form once more makes no second one.
    let page = follow(
        &visitor,
        add(&visitor, "30  3 * * *", "Europe/Berlin").await,
    )
    .await;
    let rows = Selector::parse("main .rows > li").unwrap();
    assert_eq!(Html::parse_document(&page.text).select(&rows).count(), 1);

    let schedule = path(&page);
    let form = visitor.read(&schedule).await;
    assert_eq!(form.field("cron"), "30 3 * * *");
    assert_eq!(form.field("zone"), "Europe/Berlin");
    let refused = visitor
        .post(&schedule, &[("cron", "* * * * *"), ("zone", "UTC")])
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.field("cron"), "* * * * *");
    let changed = visitor
        .post(
            &schedule,
            &[("cron", "0 4 * * 1"), ("zone", "Asia/Kolkata")],
        )
        .await;
    let page = follow(&visitor, changed).await;
    assert!(
        page.words().contains("at 04:00, on Monday Asia/Kolkata"),
        "{}",
        page.words()
    );

    let paused = visitor.post(&format!("{schedule}/pause"), &[]).await;
    let page = follow(&visitor, paused).await;
    assert!(
        page.words().contains("none while it is paused"),
        "{}",
        page.words()
    );
    assert_eq!(visitor.read(&waiting).await.one("#job-state"), "cancelled");
    let resumed = visitor.post(&format!("{schedule}/resume"), &[]).await;
    let page = follow(&visitor, resumed).await;
    assert!(page.has("main .rows a[href^='/jobs/']"));

    let job = visitor.start(&format!("{schedule}/run"), &[]).await;
    visitor
        .wait(&job, &["succeeded"], Duration::from_mins(1))
        .await;
    let deleted = visitor.post(&format!("{schedule}/delete"), &[]).await;
    let page = follow(&visitor, deleted).await;
    assert!(
        page.words().contains("Deleted: Take a backup"),
        "{}",
        page.words()
    );
    assert!(page.words().contains("No schedule yet"), "{}", page.words());
    for gone in ["", "/pause", "/run", "/delete"] {
        let page = visitor.post(&format!("{schedule}{gone}"), &[]).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{gone}");
    }
    let record = visitor.read("/audit").await.one("main tbody");
    for action in ["Add", "Change", "Pause", "Resume", "Delete"] {
        let action = format!("{action} a schedule");
        assert!(record.contains(&action), "{action}: {record}");
    }
}

#[tokio::test]
async fn what_cannot_be_scheduled_is_said_beside_what_was_typed() {
    let scene = scene();
    let visitor = Visitor::signed_in(&scene.console).await;
    let long = "1,".repeat(5_000);
    for (cron, zone, said) in [
        ("* * * * *", "UTC", "only 1 minute apart"),
        ("0 3 * * * *", "UTC", "This has 6."),
        ("0 0 30 2 *", "UTC", "does not come within five years"),
        ("0 3 * * *", "Europe/Berlinn", "Did you mean Europe/Berlin?"),
        (
            "<script>alert(1)</script>",
            "<img src=x>",
            "A cron expression has five fields",
        ),
        (
            "0 3 * * '--",
            "'; DROP TABLE schedule; --",
            "cannot be read",
        ),
        ("\u{0} \u{202e} * * *", "\u{0}", "cannot be read"),
        (&long, &long, "at most 100 characters"),
    ] {
        let page = add(&visitor, cron, zone).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(page.words().contains(said), "{said}: {}", page.words());
        assert!(page.text.len() < 30_000, "{}", page.text.len());
        for attack in ["<script>alert", "<img", "\u{202e}"] {
            assert!(!page.text.contains(attack), "{attack}");
        }
        if cron.is_ascii() && cron.len() < 100 && zone.is_ascii() {
            assert_eq!(page.field("cron"), cron);
            assert_eq!(page.field("zone"), zone);
        }
    }
    let apply = [
        ("operation", "plan.apply"),
        ("preset", "30 3 * * *"),
        ("cron", ""),
        ("zone", "UTC"),
    ];
    let page = visitor.post(ADD, &apply).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.words().contains("Choose what is to be done."));
    let page = visitor.post("/t/nothing/settings/schedules", &apply).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(
        visitor
            .read(SETTINGS)
            .await
            .words()
            .contains("No schedule yet")
    );
}

#[tokio::test]
async fn what_a_console_has_slept_over_is_done_once() {
    let mut scene = scene();
    let visitor = Visitor::signed_in(&scene.console).await;
    follow(&visitor, add(&visitor, "", "UTC").await).await;
    scene.console.kill();
    make_overdue(&scene.console).await;
    scene.console.serve();
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    let page = loop {
        let page = visitor.read(SETTINGS).await;
        // The run has ended and the next one stands there.
        let words = page.words();
        if words.contains("succeeded") && words.contains("Next: ") && words.contains(" 03:30 (in ")
        {
            break page;
        }
        assert!(std::time::Instant::now() < deadline, "{words}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(page.has("main .rows a[href^='/jobs/'] time"));
    let backups = scene
        .run(&["backup", "list", "--json"], crate::scene::DONE)
        .json();
    assert_eq!(
        backups["backups"].as_array().map(Vec::len),
        Some(1),
        "{backups}"
    );
    let record = visitor.read("/audit").await.words();
    assert!(
        record.contains("schedule:every day at 03:30 UTC"),
        "{record}"
    );
}
