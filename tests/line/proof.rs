//! Proving again who one is before what is dangerous.

use lockkeeper::web::access::{Verb, rules};
use reqwest::{Method, StatusCode};

use crate::factor::enrol;
use crate::scene::Scene;
use crate::support::console::{Console, USER, USER_PASSWORD};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor, send};

/// Lets the last proof of every session grow too old, as five minutes would.
pub async fn grow_old(console: &Console) {
    console
        .tamper("UPDATE session SET proven_at = proven_at - 300001")
        .await;
}

/// A console with a destructive plan and a backup; the path of the plan.
async fn planned() -> (Scene, Visitor, String) {
    let mut scene = Scene::about_to_approve();
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let plans = visitor.read("/t/app/plans").await;
    let plan = plans.attribute("main table a[href^='/t/app/plans/']", "href");
    (scene, visitor, plan)
}

/// Sends the form of a plan's page as it stands there, with what a person adds.
async fn fill(visitor: &Visitor, plan: &str, deed: &str, typed: &[(&str, &str)]) -> Page {
    let page = visitor.read(plan).await;
    let (digest, token) = (page.field("digest"), page.field("token"));
    let mut form = vec![("digest", digest.as_str()), ("token", &token)];
    form.extend(typed);
    visitor.post(&format!("{plan}/{deed}"), &form).await
}

#[tokio::test]
async fn approving_and_applying_ask_again_after_five_minutes() {
    let (scene, visitor, plan) = planned().await;
    assert!(
        !visitor.read(&plan).await.has("input[name=confirm]"),
        "just signed in"
    );
    grow_old(&scene.console).await;
    let page = visitor.read(&plan).await;
    assert_eq!(
        page.attribute("#confirm", "autocomplete"),
        "current-password"
    );
    let token = page.field("token");
    for typed in [
        &[("target_name", "app"), ("reason", "old")][..],
        &[
            ("target_name", "app"),
            ("reason", "old"),
            ("confirm", "not-the-passphrase"),
        ],
    ] {
        let page = fill(&visitor, &plan, "approve", typed).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(page.attribute("#target_name", "value"), "app", "it is kept");
        assert_eq!(
            page.attribute("#reason", "value"),
            "old",
            "and so is the reason"
        );
        assert!(!page.has("#target_name-error"), "{}", page.text);
        assert!(page.has("#confirm-error"), "{}", page.text);
        assert_eq!(page.field("token"), token, "the form can be sent again");
    }
    let typed = [
        ("target_name", "app"),
        ("reason", "old"),
        ("confirm", USER_PASSWORD),
    ];
    let page = fill(&visitor, &plan, "approve", &typed).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    let said = visitor.read(&plan).await;
    assert!(said.words().contains("Approved."), "{}", said.words());

    grow_old(&scene.console).await;
    let page = fill(&visitor, &plan, "apply", &[]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("#confirm-error"));
    let page = fill(&visitor, &plan, "apply", &[("confirm", USER_PASSWORD)]).await;
    assert!(page.location().starts_with("/jobs/"), "{}", page.text);
}

#[tokio::test]
async fn a_proof_changes_the_key_and_the_old_one_opens_nothing() {
    let scene = Scene::serving(Project::new());
    let visitor = Visitor::new(&scene.console);
    let cookie = |page: &Page| {
        let cookie = page.header("set-cookie");
        cookie.split(';').next().unwrap().to_owned()
    };
    let old = cookie(&visitor.sign_in(USER, USER_PASSWORD).await);
    grow_old(&scene.console).await;
    let form = [("next", "/jobs?state=failed"), ("confirm", USER_PASSWORD)];
    let page = visitor.post("/confirm", &form).await;
    assert_eq!(page.location(), "/jobs?state=failed");
    let new = cookie(&page);
    assert_ne!(old, new);
    for (cookie, status) in [(old, StatusCode::SEE_OTHER), (new, StatusCode::OK)] {
        let stranger = Visitor::new(&scene.console);
        let page = send(
            stranger
                .request(Method::GET, "/jobs")
                .header("cookie", cookie),
        )
        .await;
        assert_eq!(page.status, status);
    }
    // The next page is one of ours.
    grow_old(&scene.console).await;
    let form = [("next", "//evil.example"), ("confirm", USER_PASSWORD)];
    assert_eq!(visitor.post("/confirm", &form).await.location(), "/");
}

#[tokio::test]
async fn a_download_asks_first_and_leads_back() {
    let (scene, visitor, _) = planned().await;
    let list = visitor.read("/t/app/backups").await;
    let path = list.attribute("main a[href$='/download']", "href");
    grow_old(&scene.console).await;
    let page = visitor.get(&path).await;
    assert_eq!(
        page.location(),
        format!("/confirm?next={}", path.replace('/', "%2F"))
    );
    let page = visitor.read(&page.location()).await;
    let next = page.field("next");
    let wrong = [("next", next.as_str()), ("confirm", "not-the-passphrase")];
    let page = visitor.post("/confirm", &wrong).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.field("next"), path);
    assert_eq!(visitor.get(&path).await.status, StatusCode::SEE_OTHER);
    let right = [("next", path.as_str()), ("confirm", USER_PASSWORD)];
    assert_eq!(visitor.post("/confirm", &right).await.location(), path);
    assert!(visitor.read(&path).await.bytes.starts_with(b"PGDMP"));
}

#[tokio::test]
async fn with_a_second_factor_a_code_is_asked_for() {
    let scene = Scene::serving(Project::new());
    let visitor = Visitor::signed_in(&scene.console).await;
    let (device, codes) = enrol(&visitor).await;
    grow_old(&scene.console).await;
    let page = visitor.read("/confirm").await;
    assert_eq!(page.attribute("#confirm", "autocomplete"), "one-time-code");
    for wrong in [USER_PASSWORD, &device.now(), &device.wrong()] {
        let page = visitor.post("/confirm", &[("confirm", wrong)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let page = visitor
        .post("/confirm", &[("confirm", &device.next())])
        .await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    grow_old(&scene.console).await;
    let page = visitor.post("/confirm", &[("confirm", &codes[0])]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn five_wrong_proofs_end_the_session() {
    let scene = Scene::serving(Project::new());
    let visitor = Visitor::signed_in(&scene.console).await;
    grow_old(&scene.console).await;
    let wrong = [("confirm", "not-the-passphrase")];
    for _ in 0..4 {
        let page = visitor.post("/confirm", &wrong).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    visitor.read("/").await;
    let page = visitor.post("/confirm", &wrong).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(
        page.words().contains("this session has ended"),
        "{}",
        page.words()
    );
    assert_eq!(visitor.get("/").await.location(), "/login?next=%2F");
    Visitor::signed_in(&scene.console).await;
}

#[tokio::test]
async fn every_route_that_is_declared_so_asks() {
    let (scene, visitor, plan) = planned().await;
    let list = visitor.read("/t/app/backups").await;
    let backup = list.attribute("main a[href$='/download']", "href");
    let page = visitor.read(&plan).await;
    let (digest, token) = (page.field("digest"), page.field("token"));
    let mut asked = Vec::new();
    for rule in rules().into_iter().filter(|rule| rule.proof) {
        grow_old(&scene.console).await;
        // What is not there is not asked about.
        let id = if rule.path.contains("/backups/") {
            backup.split('/').nth(4).unwrap()
        } else {
            plan.rsplit('/').next().unwrap()
        };
        let path = rule.path.replace("{target}", "app");
        if rule.verb == Verb::Get {
            let page = visitor.get(&backup).await;
            assert!(page.location().starts_with("/confirm?"), "{path}");
            asked.push(rule.path);
            continue;
        }
        // Every field that any of them has, and no proof that is good for any.
        let form = [
            ("target_name", "app"),
            ("digest", digest.as_str()),
            ("token", &token),
            ("password", "a-rather-long-passphrase-2"),
            ("repeat", "a-rather-long-passphrase-2"),
            ("current", ""),
            ("code", "000000"),
            ("next", "/"),
            ("target", "app"),
            ("role", "viewer"),
            ("required", "false"),
        ];
        let page = visitor.post(&path.replace("{id}", id), &form).await;
        // Where nothing is typed that would be lost, the form leads to the page that asks.
        let led = page.location().starts_with("/confirm?next=%2F");
        assert!(
            led || page.status == StatusCode::UNPROCESSABLE_ENTITY,
            "{path}: {}",
            page.words()
        );
        asked.push(rule.path);
        // So that five wrong ones in a row do not end the walk.
        let right = [("confirm", USER_PASSWORD)];
        assert_eq!(
            visitor.post("/confirm", &right).await.status,
            StatusCode::SEE_OTHER
        );
    }
    for must in [
        "approve",
        "apply",
        "download",
        "backups/{id}/delete",
        "/me/password",
        "/me/factor/remove",
    ] {
        assert!(
            asked.iter().any(|path| path.ends_with(must)),
            "{must} is not in {asked:?}"
        );
    }
    let words = visitor.read(&plan).await.words();
    assert!(
        !words.contains("Good for one try"),
        "nothing was approved: {words}"
    );
}
