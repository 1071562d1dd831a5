//! The last admin, through both doors, and what the terminal does with users.

use reqwest::StatusCode;

use crate::scene::{DONE, Scene, USAGE};
use crate::support::console::{USER, USER_PASSWORD};
use crate::support::visitor::Visitor;
use crate::users::{HERS, choose, invite, project, set_role};

#[tokio::test]
async fn the_last_admin_can_neither_leave_nor_be_sent_away() {
    let scene = Scene::serving(project());
    let console = &scene.console;
    let admin = Visitor::signed_in(console).await;
    let me = admin.read("/users").await.attribute("td a", "href");
    let tries = async || {
        let mut pages = vec![admin.post(&format!("{me}/disable"), &[]).await];
        for role in ["", "viewer", "approver"] {
            pages.push(set_role(&admin, &me, "*", role).await);
        }
        pages
    };
    // Somebody who was invited has not come yet.
    let (_, link) = invite(&admin, "grace", "admin", "*").await;
    for page in tries().await {
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            page.words().contains("Nobody else is admin everywhere"),
            "{}",
            page.words()
        );
    }
    for args in [
        &["user", "disable", USER][..],
        &["user", "role", USER, "viewer"],
        &["user", "role", USER, "--remove", "*"],
    ] {
        scene
            .run(args, USAGE)
            .says(&["Nobody else is admin everywhere"]);
    }
    admin.read("/users").await;
    let grace = Visitor::new(console);
    choose(&grace, &link, HERS, HERS).await;
    let page = set_role(&admin, &me, "*", "viewer").await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, "/".to_owned())
    );
    assert_eq!(admin.get("/users").await.status, StatusCode::FORBIDDEN);
    // Both of the terminal's ways, and one command that hands the role on.
    scene.run(&["user", "role", USER, "admin", "operator@app"], DONE);
    scene.run(
        &["user", "role", "grace", "viewer@app", "--remove", "*"],
        DONE,
    );
    scene.run(&["user", "disable", "grace"], DONE);
    scene.run(&["user", "enable", "grace"], DONE);
    let users = scene.run(&["user", "list", "--json"], DONE).json();
    assert_eq!(users["users"][1]["roles"]["app"], "viewer", "{users}");
    assert!(users["users"][0]["last_sign_in"].is_string(), "{users}");
    let said = scene.run(
        &["user", "invite", "linus", "--role", "viewer@app", "--json"],
        DONE,
    );
    assert!(
        said.json()["link"]
            .as_str()
            .unwrap()
            .contains("/setup?token=")
    );
    scene
        .run(&["user", "list"], DONE)
        .says(&["linus", "invited", "viewer on app"]);
    assert_eq!(
        Visitor::new(console)
            .sign_in("ada", USER_PASSWORD)
            .await
            .status,
        StatusCode::SEE_OTHER
    );
}
