//! Notifications: told with what became true and never without it, once on each channel, tried again and given up.

use lockkeeper::guard::plan::{self, Identity};
use lockkeeper::guard::{Plan, Verdict};
use lockkeeper::job::Operation;
use lockkeeper::job::queue::{self, By, End, Job};
use lockkeeper::notify::notification::{self, Filter};
use lockkeeper::notify::{self, Channel, Kind, News, Notification, State, condition, outbox};
use lockkeeper::notify::{EVERY_TARGET, subscription};
use lockkeeper::operation::Trouble;
use lockkeeper::store::Store;

use crate::ground::{Ground, NOON, audit, number};
use crate::queue::{BY, backup, done, enqueue, reap};

on_both!(
    what_is_rolled_back_is_told_to_nobody,
    nobody_is_told_twice_of_one_event,
    each_is_told_what_it_asked_for,
    the_queue_tells_of_jobs_that_need_somebody,
    a_plan_that_waits_is_told_and_a_safe_one_is_not,
    two_processes_claim_each_once,
    a_try_that_fails_is_repeated_later_and_later_then_given_up,
    a_test_goes_the_way_everything_goes,
    a_condition_is_told_when_it_begins_and_when_it_ends,
);

pub fn webhook(name: &str) -> Channel {
    Channel::Webhook(name.to_owned())
}

async fn subscribe(store: &Store, ground: &Ground, target: &str, name: &str, kinds: &[Kind]) {
    let made = subscription::create(store, &ground.clock, target, &webhook(name), kinds, BY).await;
    made.unwrap();
}

fn news(event: &str, kind: Kind) -> News<'_> {
    News {
        event,
        kind,
        target: "a",
        job: None,
        subject: "It\nfailed",
        text: "It is so.\0",
    }
}

async fn announce(store: &Store, ground: &Ground, news: &News<'_>) -> u64 {
    let mut tx = store.begin().await.unwrap();
    let told = notify::announce(&mut tx, &ground.clock, news).await;
    tx.commit().await.unwrap();
    told.unwrap()
}

/// All of them, oldest first.
async fn all(store: &Store) -> Vec<Notification> {
    let found = notification::page(store, &Filter::default(), None, 1_000).await;
    let mut found = found.unwrap();
    found.reverse();
    found
}

fn trouble() -> Trouble {
    Trouble::new("The disk is full.", "Nothing was changed.", "Make room.")
}

async fn running(store: &Store, ground: &Ground, operation: &Operation) -> Job {
    let id = enqueue(store, &ground.clock, operation).await;
    let claimed = queue::claim(store, &ground.clock, "w", Some(&id)).await;
    claimed.unwrap().unwrap()
}

async fn what_is_rolled_back_is_told_to_nobody(ground: Ground) {
    let store = ground.open().await;
    subscribe(&store, &ground, "a", "ops", &[Kind::JobFailed]).await;
    let mut tx = store.begin().await.unwrap();
    let told = notify::announce(&mut tx, &ground.clock, &news("e", Kind::JobFailed)).await;
    assert_eq!(told.unwrap(), 1);
    drop(tx);
    assert!(all(&store).await.is_empty());
    announce(&store, &ground, &news("e", Kind::JobFailed)).await;
    let told = all(&store).await;
    assert_eq!(told[0].subject, "It failed");
    assert_eq!(told[0].text, "It is so.\u{fffd}");
    assert_eq!((told[0].state, told[0].tries), (State::Waiting, 0));
}

async fn nobody_is_told_twice_of_one_event(ground: Ground) {
    let store = ground.open().await;
    // Both concern the target, and are one channel.
    subscribe(&store, &ground, "a", "ops", &[Kind::JobFailed]).await;
    subscribe(&store, &ground, EVERY_TARGET, "ops", &[Kind::JobFailed]).await;
    subscribe(&store, &ground, EVERY_TARGET, "chat", &[Kind::JobFailed]).await;
    let event = news("e", Kind::JobFailed);
    assert_eq!(announce(&store, &ground, &event).await, 2);
    assert_eq!(announce(&store, &ground, &event).await, 0);
    let (again, event) = (store.clone(), news("f", Kind::JobFailed));
    let (here, there) = tokio::join!(
        announce(&store, &ground, &event),
        announce(&again, &ground, &event)
    );
    assert_eq!(here + there, 2);
    assert_eq!(all(&store).await.len(), 4);
}

async fn each_is_told_what_it_asked_for(ground: Ground) {
    let store = ground.open().await;
    subscribe(&store, &ground, "a", "down", &[Kind::TargetDown]).await;
    subscribe(&store, &ground, "b", "elsewhere", &Kind::TOPICS).await;
    assert_eq!(
        announce(&store, &ground, &news("1", Kind::JobFailed)).await,
        0
    );
    assert_eq!(
        announce(&store, &ground, &news("2", Kind::TargetDown)).await,
        1
    );
    let end = announce(&store, &ground, &news("3", Kind::TargetBack)).await;
    assert_eq!(end, 1, "who is told of a beginning is told of its end");
}

async fn the_queue_tells_of_jobs_that_need_somebody(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    subscribe(&store, &ground, EVERY_TARGET, "ops", &Kind::TOPICS).await;
    let check = Operation::CheckTarget {
        target: "a".to_owned(),
    };
    let apply = |target: &str| Operation::ApplyPlan {
        target: target.to_owned(),
        plan: "p".to_owned(),
        without_backup: false,
    };
    let failed = || End::Failed(trouble());
    for (operation, end) in [
        (backup("a", ""), failed()),
        (check, failed()),
        (backup("a", "2"), done()),
        (backup("a", "3"), End::Cancelled(Some(trouble()))),
        (apply("a"), End::Interrupted(trouble())),
    ] {
        let job = running(&store, &ground, &operation).await;
        assert!(queue::finish(&store, clock, &job, &end).await.unwrap());
        assert!(!queue::finish(&store, clock, &job, &end).await.unwrap());
    }
    // Two whose program dies: one is for a person to look at, one is cleaned up.
    for operation in [apply("b"), backup("c", "")] {
        running(&store, &ground, &operation).await;
    }
    clock.advance(queue::LEASE_MS + 1);
    let by = By {
        actor: "lockkeeper",
        place: "worker",
    };
    for job in reap(&store, clock).await {
        clock.advance(1);
        let verdict = queue::Verdict::Failed(trouble());
        let reconciled = queue::reconcile(&store, clock, &job, by, &verdict).await;
        assert!(reconciled.unwrap());
    }
    let told: Vec<_> = all(&store)
        .await
        .into_iter()
        .map(|one| (one.kind, one.target))
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(kind, target)| (kind.as_str(), target.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("backup-failed", "a"),
            ("job-failed", "a"),
            ("job-interrupted", "a"),
            ("job-interrupted", "b"),
            ("backup-failed", "c"),
        ]
    );
    let first = &all(&store).await[0];
    assert_eq!(
        first.text,
        "The disk is full.\nNothing was changed.\nMake room.\n\nAsked for by ada."
    );
    let job = first.job.as_deref().unwrap();
    assert_eq!(first.path(), format!("/jobs/{job}"));
    assert_eq!(first.event, format!("job:{job}:failed"));
}

async fn a_plan_that_waits_is_told_and_a_safe_one_is_not(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    subscribe(&store, &ground, "a", "ops", &[Kind::ApprovalWaiting]).await;
    for verdict in [Verdict::Safe, Verdict::Destructive] {
        clock.advance(1);
        let plan = Plan {
            id: clock.id(),
            target: "a".to_owned(),
            made_at: clock.now_ms(),
            made_by: "ada".to_owned(),
            identity: Identity {
                cluster: "7300".to_owned(),
                database: "a".to_owned(),
                schema: "public".to_owned(),
            },
            migrations: Vec::new(),
            touched: Vec::new(),
            verdict,
            digest: "d".repeat(64),
        };
        plan::save(&store, clock, &plan, "a job").await.unwrap();
        let told = all(&store).await;
        if verdict == Verdict::Safe {
            assert!(told.is_empty());
        } else {
            assert_eq!(told[0].kind, "approval-waiting");
            assert_eq!(told[0].path(), format!("/t/a/plans/{}", plan.id));
        }
    }
}

async fn two_processes_claim_each_once(ground: Ground) {
    let (one, other) = (ground.open().await, ground.open().await);
    subscribe(&one, &ground, "a", "ops", &[Kind::JobFailed]).await;
    for n in 0..20 {
        announce(&one, &ground, &news(&format!("e{n}"), Kind::JobFailed)).await;
    }
    let take = async |store: &Store| {
        let mut claimed = Vec::new();
        loop {
            match outbox::claim(store, &ground.clock, 3).await.unwrap() {
                some if some.is_empty() => return claimed,
                some => claimed.extend(some.into_iter().map(|one| one.id)),
            }
            // More than there are: some were claimed twice.
            if claimed.len() > 20 {
                return claimed;
            }
        }
    };
    let (mut ids, others) = tokio::join!(take(&one), take(&other));
    ids.extend(others);
    assert_eq!(ids.len(), 20);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    // Who claimed them died: somebody else sends them.
    ground.clock.advance(30_000);
    let claimed = outbox::claim(&other, &ground.clock, 50).await.unwrap();
    assert_eq!(claimed.len(), 20);
    // Who had it before was only slow, and says nothing any more about what somebody else sends now.
    let before = Notification {
        tries: claimed[0].tries - 1,
        ..claimed[0].clone()
    };
    let late = outbox::failed(&one, &ground.clock, &before, "Late.").await;
    late.unwrap();
    let now = notification::get(&one, &before.id).await.unwrap();
    assert_eq!(now.as_ref(), Some(&claimed[0]));
}

async fn a_try_that_fails_is_repeated_later_and_later_then_given_up(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    subscribe(&store, &ground, "a", "ops", &[Kind::JobFailed]).await;
    announce(&store, &ground, &news("e", Kind::JobFailed)).await;
    for minutes in [1, 5, 30, 120, 360] {
        let claimed = outbox::claim(&store, clock, 1).await.unwrap();
        let state = outbox::failed(&store, clock, &claimed[0], "No\nanswer.").await;
        assert_eq!(state.unwrap(), State::Waiting);
        clock.advance(minutes * 60_000 - 1);
        assert!(outbox::claim(&store, clock, 1).await.unwrap().is_empty());
        clock.advance(1);
    }
    let claimed = outbox::claim(&store, clock, 1).await.unwrap();
    let state = outbox::failed(&store, clock, &claimed[0], "No answer.").await;
    assert_eq!(state.unwrap(), State::GivenUp);
    clock.advance(100 * 3_600_000);
    assert!(outbox::claim(&store, clock, 1).await.unwrap().is_empty());
    let given_up = &all(&store).await[0];
    assert_eq!((given_up.state, given_up.tries), (State::GivenUp, 6));
    assert_eq!(given_up.error.as_deref(), Some("No answer."));
    assert_eq!(notification::counts(&store, None).await.unwrap(), (0, 1));

    assert!(outbox::again(&store, clock, given_up, BY).await.unwrap());
    assert!(!outbox::again(&store, clock, given_up, BY).await.unwrap());
    let claimed = outbox::claim(&store, clock, 1).await.unwrap();
    outbox::sent(&store, clock, &claimed[0].id).await.unwrap();
    let sent = &all(&store).await[0];
    assert_eq!((sent.state, sent.tries), (State::Sent, 1));
    assert_eq!((sent.sent_at, &sent.error), (Some(clock.now_ms()), &None));
    // A try that lost its claim and fails late takes nothing back.
    let late = outbox::failed(&store, clock, &claimed[0], "Late.").await;
    late.unwrap();
    assert_eq!(all(&store).await[0].state, State::Sent);
    let entries = audit(&store).await;
    let again = entries
        .iter()
        .filter(|one| one.action == "notification.again");
    assert_eq!(again.count(), 1);
}

async fn a_test_goes_the_way_everything_goes(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let (ops, kinds) = (webhook("ops"), [Kind::JobFailed]);
    let made = subscription::create(&store, clock, "a", &ops, &kinds, BY).await;
    let made = made.unwrap();
    for _ in 0..2 {
        outbox::test(&store, clock, &made, BY).await.unwrap();
    }
    let told = all(&store).await;
    assert_eq!(told.len(), 1, "one that waits is enough");
    assert_eq!(
        (told[0].kind.as_str(), told[0].path().as_str()),
        ("test", "/t/a/settings")
    );
    outbox::sent(&store, clock, &told[0].id).await.unwrap();
    outbox::test(&store, clock, &made, BY).await.unwrap();
    assert_eq!(all(&store).await.len(), 2);
    let tests = "SELECT count(*) FROM audit WHERE action = 'subscription.test'";
    assert_eq!(number(&store, tests).await, 2);
}

async fn a_condition_is_told_when_it_begins_and_when_it_ends(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    subscribe(&store, &ground, "a", "ops", &[Kind::TargetDown]).await;
    let begin = || condition::begin(&store, clock, "a", Kind::TargetDown, "Down", "It is.");
    let end = || {
        let tell = Some((Kind::TargetBack, "Back", "It is."));
        condition::end(&store, clock, "a", Kind::TargetDown, tell)
    };
    assert!(!end().await.unwrap());
    assert!(begin().await.unwrap());
    clock.advance(1);
    assert!(!begin().await.unwrap());
    let since = condition::since(&store, "a", Kind::TargetDown).await;
    assert_eq!(since.unwrap(), Some(NOON));
    assert!(end().await.unwrap());
    assert!(!end().await.unwrap());
    clock.advance(1);
    assert!(begin().await.unwrap());
    let told: Vec<_> = all(&store).await.into_iter().map(|one| one.kind).collect();
    assert_eq!(told, ["target-down", "target-back", "target-down"]);
}
