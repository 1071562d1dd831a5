//! The page of the migrations where Prisma 8 is in use.

use crate::browser::Browser;
use crate::stage::{CLUSTER, copy, migrations, root, sign_in};
use crate::support::console::{Console, TargetLines};

const DATABASE: &str = "contract";

#[tokio::test]
async fn a_person_sees_what_prisma_8_has_applied_and_what_it_plans() {
    copy(DATABASE);
    let specimen = root().join("tests/contract");
    let database = std::fs::read_to_string(specimen.join("database.sql")).unwrap();
    CLUSTER.psql(DATABASE, &database);
    let url = CLUSTER.url(DATABASE);
    // One console for both: a folder of packages, and one of migrations beside the marker.
    let [eight, both] = [
        ("eight", specimen.join("migrations")),
        ("both", migrations()),
    ];
    let target = |(name, folder): &'static (&'static str, std::path::PathBuf)| TargetLines {
        name,
        environment: "staging",
        url: Box::leak(url.clone().into_boxed_str()),
        migrations: folder,
    };
    let targets = [Box::leak(Box::new(eight)), Box::leak(Box::new(both))].map(|one| target(one));
    let mut console = Console::prepare(&targets, None);
    console.add_user();
    console.serve();
    let mut browser = Browser::open(&console.url("")).await;
    sign_in(&browser).await;
    browser.picture("targets-prisma-8").await;
    browser.go("/t/eight/migrations").await;
    let text = browser.text().await;
    for part in [
        "91e7f9f03580",
        "app/20261126T1847_phone",
        "npx prisma db migrate",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    browser.picture("migrations-prisma-8").await;
    browser.go("/t/both/migrations").await;
    assert!(
        browser
            .text()
            .await
            .contains("plans to drop _prisma_migrations")
    );
    browser.picture("migrations-prisma-7-and-8").await;
    browser.must_be_sound().await;
}
