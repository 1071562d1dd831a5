//! A crash of the program before the first statement of a plan: during the backup that applying begins with.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::crash::{LEASE, SOON, apply, archive, hold_word, serving};
use crate::scene::DONE;
use crate::support::visitor::Visitor;

#[tokio::test]
async fn a_crash_during_the_backup_leaves_nothing_once_somebody_has_looked() {
    let mut scene = serving();
    scene.project.write("2_more", "CREATE TABLE more (id int);");
    let visitor = Visitor::signed_in(&scene.console).await;
    let holder = hold_word(&scene);
    let job = apply(&visitor).await;
    visitor.wait_for_log(&job, "Writing ").await;
    assert_eq!(archive(&scene).len(), 2, "{:?}", archive(&scene));
    scene.console.kill();
    scene.console.serve();

    // The tool outlives the console: as long as it does, nothing is decided.
    let visitor = Visitor::signed_in(&scene.console).await;
    let page = visitor.wait(&job, &["interrupted"], LEASE).await;
    assert!(
        page.words()
            .contains("A session of this job is still on the server")
    );
    assert!(!page.has("button[value=failed]"));
    let decide = async |verdict: &str| {
        let page = visitor.read(&job).await;
        let form = [
            ("token", page.field("token")),
            ("finding", "It was at its backup.".to_owned()),
            ("verdict", verdict.to_owned()),
        ];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        visitor.post(&format!("{job}/reconcile"), &form).await
    };
    decide("end-sessions").await;
    let deadline = Instant::now() + SOON;
    while !visitor.read(&job).await.has("button[value=failed]") {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(archive(&scene).len(), 2, "what it left is still there");
    decide("failed").await;
    visitor.wait(&job, &["failed"], SOON).await;
    assert_eq!(archive(&scene), Vec::<PathBuf>::new());
    assert_eq!(scene.ledger(), "1_init|t|f|f|1", "nothing was begun");
    drop(holder);
    scene.run(&["plan", "apply"], DONE);
    assert_eq!(archive(&scene).len(), 2);
    assert_eq!(scene.ledger(), "1_init|t|f|f|1\n2_more|t|f|f|1");
}
