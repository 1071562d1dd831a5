//! Leases: a worker that is silent for too long has lost its job, and nobody runs the job again.

use lockkeeper::job::queue::{self, By, End, Filter, Job, Kept, LEASE_MS, State, Verdict};
use lockkeeper::operation::{Event, Level, Trouble};
use lockkeeper::store::Store;

use crate::ground::{Ground, audit, number};
use crate::queue::{backup, done, enqueue, reap};

on_both!(
    only_the_holder_extends_and_ends_a_run,
    a_heartbeat_moves_the_end_of_the_lease,
    a_lapsed_lease_interrupts_and_keeps_the_target,
    a_worker_that_comes_back_too_late_changes_nothing,
    two_reapers_interrupt_a_job_once,
    reconciling_frees_the_target_once,
    an_end_with_a_nul_is_recorded,
    a_lease_that_was_extended_after_all_is_left_alone,
    a_job_of_a_newer_program_stands_in_nobodys_way,
);

async fn running(store: &Store, ground: &Ground, worker: &str) -> Job {
    enqueue(store, &ground.clock, &backup("a", "")).await;
    queue::claim(store, &ground.clock, worker, None)
        .await
        .unwrap()
        .unwrap()
}

async fn state(store: &Store, job: &Job) -> State {
    queue::get(store, &job.id).await.unwrap().unwrap().state
}

fn trouble() -> Trouble {
    Trouble::new("It went away.", "Nothing was changed.", "Try again.")
}

async fn only_the_holder_extends_and_ends_a_run(ground: Ground) {
    let store = ground.open().await;
    let clock = &ground.clock;
    let job = running(&store, &ground, "w1").await;
    let strangers = [
        Job {
            worker: Some("w2".to_owned()),
            ..job.clone()
        },
        Job {
            fence: job.fence + 1,
            ..job.clone()
        },
    ];
    let events = [Event {
        at: clock.now_ms(),
        level: Level::Info,
        step: "Dump".to_owned(),
        text: "Here.".to_owned(),
    }];
    for stranger in &strangers {
        let kept = queue::heartbeat(&store, clock, stranger).await;
        assert_eq!(kept.unwrap(), Kept::Lost);
        let written = queue::append(&store, stranger, &events, None).await;
        assert!(!written.unwrap());
        let ended = queue::finish(&store, clock, stranger, &done()).await;
        assert!(!ended.unwrap());
    }
    assert_eq!(state(&store, &job).await, State::Running);
    assert_eq!(audit(&store).await.len(), 1, "nothing is recorded then");
    let lines = queue::lines(&store, &job.id, 0, 10).await.unwrap();
    assert!(lines.is_empty(), "nor written into the log");

    let kept = queue::heartbeat(&store, clock, &job).await.unwrap();
    assert_eq!(kept, Kept::Yes);
    assert!(queue::append(&store, &job, &events, None).await.unwrap());
    let ended = queue::finish(&store, clock, &job, &done()).await;
    assert!(ended.unwrap());
    let ended = queue::finish(&store, clock, &job, &End::Cancelled(None)).await;
    assert!(!ended.unwrap(), "it has ended");
    let kept = queue::heartbeat(&store, clock, &job).await.unwrap();
    assert_eq!(kept, Kept::Lost);
    let kept = queue::get(&store, &job.id).await.unwrap().unwrap();
    assert_eq!(kept.state, State::Succeeded);
    assert_eq!(kept.ended_at, Some(clock.now_ms()));
    assert_eq!(kept.outcome.unwrap().summary, "It is done.");
    let last = audit(&store).await.pop().unwrap();
    assert_eq!(
        (last.outcome.as_str(), last.detail.as_str()),
        ("succeeded", "It is done.")
    );
}

async fn a_heartbeat_moves_the_end_of_the_lease(ground: Ground) {
    let store = ground.open().await;
    let job = running(&store, &ground, "w").await;
    for _ in 0..3 {
        ground.clock.advance(LEASE_MS);
        assert!(reap(&store, &ground.clock).await.is_empty());
        let kept = queue::heartbeat(&store, &ground.clock, &job).await.unwrap();
        assert_eq!(kept, Kept::Yes);
    }
    assert_eq!(state(&store, &job).await, State::Running);
}

async fn a_lapsed_lease_interrupts_and_keeps_the_target(ground: Ground) {
    let store = ground.open().await;
    let job = running(&store, &ground, "w").await;
    let waits = enqueue(&store, &ground.clock, &backup("a", "later")).await;
    let other = enqueue(&store, &ground.clock, &backup("b", "")).await;
    ground.clock.advance(LEASE_MS + 1);
    let reaped = reap(&store, &ground.clock).await;
    assert_eq!(reaped.len(), 1);
    assert_eq!(
        (&reaped[0].id, reaped[0].state),
        (&job.id, State::Interrupted)
    );
    assert_eq!(state(&store, &job).await, State::Interrupted);
    let lines = queue::lines(&store, &job.id, 0, 10).await.unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].event.step, "Interrupted");
    let last = audit(&store).await.pop().unwrap();
    assert_eq!(last.outcome, "interrupted");
    assert_eq!(last.job.as_deref(), Some(job.id.as_str()));

    let claim = async |only: Option<&str>| {
        let job = queue::claim(&store, &ground.clock, "w2", only).await;
        job.unwrap().map(|job| job.id)
    };
    assert_eq!(claim(Some(&waits)).await, None, "the target stays locked");
    assert_eq!(claim(None).await, Some(other));
    assert_eq!(
        claim(None).await,
        None,
        "the interrupted job is not run again"
    );
}

async fn a_worker_that_comes_back_too_late_changes_nothing(ground: Ground) {
    let store = ground.open().await;
    let job = running(&store, &ground, "w").await;
    ground.clock.advance(LEASE_MS + 1);
    reap(&store, &ground.clock).await;
    let before = audit(&store).await.len();
    let late = queue::finish(&store, &ground.clock, &job, &done()).await;
    assert!(!late.unwrap());
    let late = queue::heartbeat(&store, &ground.clock, &job).await;
    assert_eq!(late.unwrap(), Kept::Lost);
    let kept = queue::get(&store, &job.id).await.unwrap().unwrap();
    assert_eq!(
        (kept.state, kept.outcome, kept.ended_at),
        (State::Interrupted, None, None)
    );
    assert_eq!(audit(&store).await.len(), before);
}

async fn two_reapers_interrupt_a_job_once(ground: Ground) {
    let (here, there) = (ground.open().await, ground.open().await);
    running(&here, &ground, "w").await;
    ground.clock.advance(LEASE_MS + 1);
    let (one, other) = tokio::join!(reap(&here, &ground.clock), reap(&there, &ground.clock));
    assert_eq!(one.len() + other.len(), 1);
}

async fn reconciling_frees_the_target_once(ground: Ground) {
    let store = ground.open().await;
    let clock = &ground.clock;
    let job = running(&store, &ground, "w").await;
    let waits = enqueue(&store, clock, &backup("a", "later")).await;
    let bob = By {
        actor: "bob",
        place: "127.0.0.1",
    };
    let release = async || {
        queue::reconcile(&store, clock, &job, bob, &Verdict::Failed(trouble()))
            .await
            .unwrap()
    };
    assert!(!release().await, "it runs");
    clock.advance(LEASE_MS + 1);
    reap(&store, clock).await;
    assert!(release().await);
    assert!(!release().await, "it is released");
    let kept = queue::get(&store, &job.id).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.trouble), (State::Failed, Some(trouble())));
    let last = audit(&store).await.pop().unwrap();
    assert_eq!(
        (last.actor.as_str(), last.outcome.as_str()),
        ("bob", "reconciled: failed")
    );
    let next = queue::claim(&store, clock, "w", None).await.unwrap();
    assert_eq!(next.unwrap().id, waits);
    assert_eq!(queue::last_ended(&store, "a").await.unwrap(), kept.ended_at);
}

async fn an_end_with_a_nul_is_recorded(ground: Ground) {
    let store = ground.open().await;
    let job = running(&store, &ground, "w").await;
    let end = End::Failed(Trouble::new("pg_dump said \0.", "Nothing.", "Look."));
    let ended = queue::finish(&store, &ground.clock, &job, &end).await;
    assert!(ended.unwrap(), "else it would read as interrupted for ever");
    assert_eq!(state(&store, &job).await, State::Failed);
}

async fn a_lease_that_was_extended_after_all_is_left_alone(ground: Ground) {
    let store = ground.open().await;
    let job = running(&store, &ground, "w").await;
    ground.clock.advance(LEASE_MS + 1);
    let lapsed = queue::lapsed(&store, &ground.clock).await.unwrap();
    assert_eq!(lapsed.len(), 1);
    let kept = queue::heartbeat(&store, &ground.clock, &job).await.unwrap();
    assert_eq!(kept, Kept::Yes);
    let taken = queue::interrupt(&store, &ground.clock, &lapsed).await;
    assert!(taken.unwrap().is_empty());
    assert_eq!(state(&store, &job).await, State::Running);
}

async fn a_job_of_a_newer_program_stands_in_nobodys_way(ground: Ground) {
    let store = ground.open().await;
    let row = "INSERT INTO job (id, kind, target, payload, state, exclusive, priority, actor, created_at, started_at, lease_until, \
               worker, fence) VALUES ";
    let newer = [
        "('0-waits', 'moon.land', 'm', '{\"kind\":\"moon.land\"}', 'queued', 0, 99, 'ada', 1, NULL, NULL, NULL, 0)",
        "('0-runs', 'moon.land', 'n', '{\"kind\":\"moon.land\"}', 'running', 1, 99, 'ada', 1, 1, 2, 'new', 1)",
    ];
    for values in newer {
        let mut tx = store.begin().await.unwrap();
        let insert = sqlx::AssertSqlSafe(format!("{row}{values}"));
        sqlx::query(insert).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
    let job = running(&store, &ground, "w").await;
    let none = queue::claim(&store, &ground.clock, "w", None)
        .await
        .unwrap();
    assert!(none.is_none(), "it waits for a program that knows it");
    ground.clock.advance(LEASE_MS + 1);
    let reaped = reap(&store, &ground.clock).await;
    assert_eq!(reaped.len(), 1, "ours is noticed all the same");
    assert_eq!(reaped[0].id, job.id);
    let page = queue::page(&store, &Filter::default(), None, 10).await;
    assert_eq!(page.unwrap().len(), 1);
    assert_eq!(queue::open(&store).await.unwrap().len(), 1);
    let kept =
        "SELECT count(*) FROM job WHERE kind = 'moon.land' AND state IN ('queued', 'running')";
    assert_eq!(number(&store, kept).await, 2);
}
