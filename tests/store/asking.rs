//! What may be asked of the queue: the same thing twice, something urgent, something that only looks, and to stop.

use lockkeeper::job::Operation;
use lockkeeper::job::queue::{self, Asked, By, Job, Kept, LEASE_MS, State};
use lockkeeper::store::Store;

use crate::ground::{Ground, audit, number, sql};
use crate::queue::{BY, backup, done, enqueue, reap, request};

on_both!(
    the_same_request_makes_one_job_for_ever,
    the_most_urgent_job_is_taken_first,
    shared_jobs_go_on_beside_an_exclusive_one,
    a_job_that_waits_is_cancelled_at_once,
    a_job_that_runs_is_told_to_stop,
    asking_again_while_it_is_being_stopped_makes_another_job,
    a_clean_up_that_was_cut_short_is_taken_over_once,
);

fn plan(target: &str) -> Operation {
    Operation::MakePlan {
        target: target.to_owned(),
    }
}

fn apply(target: &str) -> Operation {
    Operation::ApplyPlan {
        target: target.to_owned(),
        plan: "p".to_owned(),
        without_backup: false,
    }
}

async fn claim(store: &Store, ground: &Ground) -> Option<Job> {
    queue::claim(store, &ground.clock, "w", None).await.unwrap()
}

async fn get(store: &Store, id: &str) -> Job {
    queue::get(store, id).await.unwrap().unwrap()
}

async fn the_same_request_makes_one_job_for_ever(ground: Ground) {
    let store = ground.open().await;
    let ask = async |operation: &Operation, by: By<'static>, key: &str| {
        let mut tx = store.begin().await.unwrap();
        let asked = queue::Request {
            by,
            ..request(operation, Some(key))
        };
        let enqueued = queue::enqueue(&mut tx, &ground.clock, &asked)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        enqueued
    };
    let first = ask(&backup("a", ""), BY, "form 1").await;
    assert!(first.is_new);
    let job = claim(&store, &ground).await.unwrap();
    let ended = queue::finish(&store, &ground.clock, &job, &done()).await;
    assert!(ended.unwrap());

    let again = ask(&backup("a", ""), BY, "form 1").await;
    assert_eq!((again.id, again.is_new), (first.id.clone(), false));
    assert_eq!(number(&store, "SELECT count(*) FROM job").await, 1);
    assert_eq!(
        number(&store, "SELECT count(*) FROM audit").await,
        2,
        "asked for and ended; the second click is no request"
    );

    // Another form, another operation and another person are other requests.
    let bob = By {
        actor: "bob",
        place: "terminal",
    };
    for (operation, by, key) in [
        (backup("a", ""), BY, "form 2"),
        (backup("a", "note"), BY, "form 1"),
        (backup("b", ""), bob, "form 1"),
    ] {
        assert!(ask(&operation, by, key).await.is_new, "{operation:?} {key}");
    }
    let twice = sql(
        &store,
        "UPDATE job SET idempotency_key = 'same' WHERE idempotency_key IS NOT NULL",
    );
    assert!(twice.await.is_err(), "the index proves it");
}

async fn the_most_urgent_job_is_taken_first(ground: Ground) {
    let store = ground.open().await;
    for operation in [backup("a", ""), apply("b"), plan("c"), apply("d")] {
        enqueue(&store, &ground.clock, &operation).await;
    }
    let mut taken = Vec::new();
    while let Some(job) = claim(&store, &ground).await {
        taken.push(job.operation.target().to_owned());
    }
    assert_eq!(taken, ["b", "d", "c", "a"]);
}

async fn shared_jobs_go_on_beside_an_exclusive_one(ground: Ground) {
    let store = ground.open().await;
    let first = enqueue(&store, &ground.clock, &backup("a", "")).await;
    assert_eq!(claim(&store, &ground).await.unwrap().id, first);
    let waits = enqueue(&store, &ground.clock, &apply("a")).await;
    let shared = enqueue(&store, &ground.clock, &plan("a")).await;
    let job = claim(&store, &ground).await.unwrap();
    assert_eq!(job.id, shared, "what only looks need not wait");
    assert!(claim(&store, &ground).await.is_none(), "the other must");

    // The exclusive one is interrupted: looking is still possible, working is not.
    ground.clock.advance(LEASE_MS + 1);
    reap(&store, &ground.clock).await;
    let look = enqueue(&store, &ground.clock, &plan("a")).await;
    assert_eq!(claim(&store, &ground).await.unwrap().id, look);
    assert!(claim(&store, &ground).await.is_none());
    assert_eq!(get(&store, &waits).await.state, State::Queued);
}

async fn a_job_that_waits_is_cancelled_at_once(ground: Ground) {
    let store = ground.open().await;
    let bob = By {
        actor: "bob",
        place: "127.0.0.1",
    };
    let queued = enqueue(&store, &ground.clock, &backup("a", "")).await;
    let job = get(&store, &queued).await;
    let asked = queue::ask_cancel(&store, &ground.clock, &job, bob).await;
    assert_eq!(asked.unwrap(), Asked::Withdrawn);
    let job = get(&store, &queued).await;
    assert_eq!(job.state, State::Cancelled);
    assert_eq!(job.cancel_asked.as_ref().unwrap().1, "bob");
    assert!(claim(&store, &ground).await.is_none());
    let last = audit(&store).await.pop().unwrap();
    assert_eq!(
        (
            last.actor.as_str(),
            last.outcome.as_str(),
            last.place.as_str()
        ),
        ("bob", "cancelled", "127.0.0.1")
    );
    let again = queue::ask_cancel(&store, &ground.clock, &job, bob).await;
    assert_eq!(again.unwrap(), Asked::TooLate);
    assert_eq!(audit(&store).await.len(), 2);
}

async fn a_job_that_runs_is_told_to_stop(ground: Ground) {
    let store = ground.open().await;
    enqueue(&store, &ground.clock, &backup("a", "")).await;
    let job = claim(&store, &ground).await.unwrap();
    // Who only wants back what waits does not stop it.
    let withdrawn = queue::withdraw(&store, &ground.clock, &job, BY).await;
    assert!(!withdrawn.unwrap());
    let kept = queue::heartbeat(&store, &ground.clock, &job).await;
    assert_eq!(kept.unwrap(), Kept::Yes);
    for _ in 0..2 {
        let asked = queue::ask_cancel(&store, &ground.clock, &job, BY).await;
        assert_eq!(asked.unwrap(), Asked::Told);
    }
    let kept = queue::heartbeat(&store, &ground.clock, &job).await;
    assert_eq!(kept.unwrap(), Kept::CancelAsked);
    let lines = queue::lines(&store, &job.id, 0, 10).await.unwrap();
    assert_eq!(lines.len(), 1, "asking twice is asking once");
    assert_eq!(lines[0].event.text, "ada asked to stop this job.");
    assert_eq!(get(&store, &job.id).await.state, State::Running);
    assert_eq!(audit(&store).await.pop().unwrap().outcome, "cancel asked");
    // It may have ended well all the same.
    let ended = queue::finish(&store, &ground.clock, &job, &done()).await;
    assert!(ended.unwrap());
    let asked = queue::ask_cancel(&store, &ground.clock, &job, BY).await;
    assert_eq!(asked.unwrap(), Asked::TooLate);
}

async fn a_clean_up_that_was_cut_short_is_taken_over_once(ground: Ground) {
    let (store, other) = (ground.open().await, ground.open().await);
    for operation in [backup("a", ""), apply("b")] {
        enqueue(&store, &ground.clock, &operation).await;
        claim(&store, &ground).await.unwrap();
    }
    ground.clock.advance(LEASE_MS + 1);
    assert_eq!(reap(&store, &ground.clock).await.len(), 2);
    let adopt = async |store: &Store| queue::adopt(store, &ground.clock).await.unwrap();
    assert!(adopt(&store).await.is_empty(), "whoever noticed has time");
    ground.clock.advance(300_001);
    let (one, two) = tokio::join!(adopt(&store), adopt(&other));
    let adopted: Vec<&Job> = one.iter().chain(&two).collect();
    assert_eq!(
        adopted.len(),
        1,
        "one of them, and never what is a person's"
    );
    assert_eq!(adopted[0].operation.target(), "a");
    assert!(
        adopt(&store).await.is_empty(),
        "and then has its time again"
    );
}

async fn asking_again_while_it_is_being_stopped_makes_another_job(ground: Ground) {
    let store = ground.open().await;
    let first = enqueue(&store, &ground.clock, &backup("a", "")).await;
    let job = claim(&store, &ground).await.unwrap();
    let twin = enqueue(&store, &ground.clock, &backup("a", "")).await;
    assert_eq!(twin, first);
    let asked = queue::ask_cancel(&store, &ground.clock, &job, BY).await;
    assert_eq!(asked.unwrap(), Asked::Told);
    let second = enqueue(&store, &ground.clock, &backup("a", "")).await;
    assert_ne!(second, first, "the first will not make a backup any more");
}
