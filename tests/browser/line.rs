//! The main line, from the first user to a destructive plan that was applied, with everything that a page has.

use serde_json::json;

use crate::browser::Browser;
use crate::stage::{CLUSTER, hold, lock, losses, prepare};
use crate::support::console::{USER, USER_PASSWORD};
use crate::support::holder::Holder;

const DATABASE: &str = "line";

/// Counts the lines that a running job adds to the page, where a reload does not lose the number.
const COUNT_GROWTH: &str = "sessionStorage.grown = 0; \
    const note = (changes) => { for (const change of changes) for (const node of change.addedNodes) \
        if (node.nodeName === 'LI') sessionStorage.grown = Number(sessionStorage.grown) + 1 }; \
    new MutationObserver(note).observe(document.querySelector('.steps'), { childList: true, subtree: true })";

/// Fetches the only backup: the status, the first bytes and what the browser is told to do with it.
const DOWNLOAD: &str = "const [link] = document.querySelectorAll('main a[href$=\"/download\"]'); \
    return fetch(link.href).then(async (answer) => [answer.status, (await answer.text()).slice(0, 5), \
        answer.headers.get('content-disposition').slice(0, 10)])";

/// Watches a running job, lets go of what holds it up, and says how many lines came without a reload until it had ended by
/// itself.
async fn watch(browser: &mut Browser, picture: &str, held: Holder) -> u64 {
    assert!(browser.path().await.starts_with("/jobs/"));
    browser.picture(picture).await;
    browser.eval(COUNT_GROWTH).await;
    drop(held);
    browser.wait_for("succeeded").await;
    browser.wait_for("took").await;
    let grown = browser.eval("return Number(sessionStorage.grown)").await;
    grown.as_u64().unwrap()
}

#[tokio::test]
async fn a_person_takes_a_destructive_plan_through_the_lock() {
    let mut console = prepare(DATABASE);
    console.serve();
    let mut browser = Browser::open(&console.url("")).await;

    // The first user, by the link on the terminal.
    browser.go("/").await;
    browser.picture("sign-in").await;
    browser.go(&setup_link(&console.log())).await;
    browser.picture("setup").await;
    browser.fill("#name", USER).await;
    browser.fill("#password", USER_PASSWORD).await;
    browser.fill("#repeat", USER_PASSWORD).await;
    browser.click("button.primary").await;
    assert_eq!(browser.path().await, "/");
    assert!(browser.text().await.contains("2 migrations are pending."));
    browser.picture("targets").await;

    // What is wrong here, and the plan.
    browser.click(".targets h2 a").await;
    browser.picture("target").await;
    browser.go("/t/jarvis/migrations").await;
    browser.picture("migrations").await;
    browser.click("tbody a").await;
    browser.picture("migration-pending").await;
    browser.go("/t/jarvis").await;
    browser.click("main button.primary").await;
    browser.wait_for("took").await;
    browser.picture("job-plan-done").await;
    browser.click("main .btn.primary").await;

    // The verdict with exact numbers; a backup beforehand, which is watched while it waits for a lock.
    let text = browser.text().await;
    for amount in losses(DATABASE) {
        assert!(text.contains(&amount), "{amount} is not in\n{text}");
    }
    assert!(text.contains("destructive"));
    let plan = browser.path().await;
    browser.picture("plan-without-backup").await;
    browser.go("/t/jarvis/backups").await;
    browser.picture("backups-none").await;
    browser.go(&plan).await;
    let held = hold(DATABASE, "User");
    browser.click("form[action$='/backups'] button").await;
    assert!(watch(&mut browser, "job-backup-running", held).await > 0);
    browser.picture("job-backup-done").await;
    browser.go("/t/jarvis/backups").await;
    browser.picture("backups").await;
    let answer = browser.eval(DOWNLOAD).await;
    assert_eq!(answer, json!([200, "PGDMP", "attachment"]));

    browser.go("/approvals").await;
    assert!(browser.text().await.contains("1 plan waits for you."));
    browser.picture("approvals").await;

    // The approval: a wrong name changes nothing and loses nothing that was typed.
    browser.go(&plan).await;
    browser.picture("plan-to-approve").await;
    browser.fill("#target_name", "jarvi").await;
    browser.fill("#reason", "moved to Phone").await;
    browser.click("main form button.danger").await;
    let typed = browser.eval("return document.getElementById('target_name').value");
    assert_eq!(typed.await, json!("jarvi"));
    let typed = browser.eval("return document.getElementById('reason').value");
    assert_eq!(typed.await, json!("moved to Phone"));
    assert_eq!(browser.count("#target_name[aria-invalid=true]").await, 1);
    // A refused form is an answer with a status that the browser notes.
    browser.listen(&["status of 422"]).await;
    browser.picture("plan-wrong-name").await;
    browser.fill("#target_name", "jarvis").await;
    browser.click("main form button.danger").await;
    browser.picture("plan-approved").await;

    // Somebody reads the table, so the statement that changes it waits and is tried again.
    let held = lock(DATABASE, "User", "ACCESS SHARE");
    browser.click("main form button.danger").await;
    assert!(watch(&mut browser, "job-apply-running", held).await > 0);
    browser.picture("job-apply-done").await;
    let gone = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'User' AND column_name = 'phone'";
    assert_eq!(CLUSTER.psql(DATABASE, gone), "0");

    browser.go("/t/jarvis/migrations").await;
    assert!(!browser.text_of("table").await.contains("pending"));
    browser.picture("migrations-applied").await;
    browser.go(&plan).await;
    browser.picture("plan-applied").await;
    browser.go("/t/jarvis/plans").await;
    browser.picture("plans").await;
    browser.go("/t/jarvis").await;
    browser.picture("target-calm").await;
    browser.go("/jobs").await;
    browser.picture("jobs").await;
    browser.go("/audit").await;
    browser.picture("audit").await;
    let said = browser.text().await.to_lowercase();
    for word in [
        "first user",
        "plan",
        "backup",
        "download",
        "approve a plan",
        "apply a plan",
    ] {
        assert!(said.contains(word), "{word} is not in\n{said}");
    }

    browser.touch(".menu summary").await;
    browser.picture("menu").await;
    browser.click(".menu form[action='/logout'] button").await;
    // The browser notes that it has cleared what it kept of the console, as it was told to.
    browser.listen(&["Clear-Site-Data header"]).await;
    browser.go("/t/jarvis").await;
    assert!(browser.path().await.starts_with("/login"));
    browser.must_be_sound().await;
}

/// The path of the link that the console printed.
pub fn setup_link(log: &str) -> String {
    let from = log.find("/setup?token=").expect("a link was printed");
    log[from..].split_whitespace().next().unwrap().to_owned()
}
