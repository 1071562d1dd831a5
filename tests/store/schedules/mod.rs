//! Schedules: once in all consoles, never over each other, and nothing made up for after a rest.

mod changes;

use lockkeeper::clock::{Clock, timestamp};
use lockkeeper::job::queue::{self, Asked, Job};
use lockkeeper::job::schedule::scheduler::{Ticked, tick};
use lockkeeper::job::schedule::{self, Schedule, Standing, Timing};
use lockkeeper::store::Store;

use crate::ground::{Ground, audit, number};
use crate::queue::{BY, backup, done, enqueue, reap};

on_both!(
    eight_consoles_at_the_same_moment_do_it_once,
    what_was_missed_runs_once,
    no_run_overlaps_the_next,
    a_slot_that_a_person_cancelled_does_not_come_again,
    a_clock_that_steps_back_runs_nothing_twice,
    an_interrupted_run_is_over,
    a_person_comes_before_a_schedule,
    a_clock_that_was_far_ahead_does_not_end_a_schedule,
);

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const NOTHING: Ticked = Ticked {
    promoted: 0,
    planted: 0,
};

fn timing(clock: &Clock, cron: &str) -> Timing {
    Timing::parse(cron, "Europe/Berlin", clock.now()).unwrap()
}

/// A backup of `app` every night at 03:30, made at 23:13 in Berlin.
async fn nightly(store: &Store, clock: &Clock) -> Schedule {
    let timing = timing(clock, "30 3 * * *");
    schedule::create(store, clock, &backup("app", ""), &timing, BY)
        .await
        .unwrap()
}

async fn standing(store: &Store, schedule: &Schedule) -> Standing {
    schedule::standing(store, schedule).await.unwrap()
}

/// When the next run is, in UTC.
async fn next(store: &Store, schedule: &Schedule) -> String {
    let at = standing(store, schedule)
        .await
        .next
        .unwrap()
        .run_at
        .unwrap();
    timestamp(at).strftime("%m-%d %H:%M").to_string()
}

/// Lets the time come and has a worker take the run.
async fn begin(store: &Store, clock: &Clock, schedule: &Schedule) -> Job {
    let at = standing(store, schedule)
        .await
        .next
        .unwrap()
        .run_at
        .unwrap();
    clock.advance(at - clock.now_ms());
    assert_eq!(tick(store, clock).await.unwrap().promoted, 1);
    take(store, clock).await
}

async fn take(store: &Store, clock: &Clock) -> Job {
    queue::claim(store, clock, "w", None)
        .await
        .unwrap()
        .unwrap()
}

async fn finish(store: &Store, clock: &Clock, job: &Job) {
    assert!(queue::finish(store, clock, job, &done()).await.unwrap());
}

/// Eight consoles look at the same moment; what all of them did together.
async fn all_tick(stores: &[Store], clock: &Clock) -> Ticked {
    let ticks = stores.iter().map(|store| {
        let (store, clock) = (store.clone(), clock.clone());
        tokio::spawn(async move { tick(&store, &clock).await.unwrap() })
    });
    let mut sum = Ticked::default();
    for ticked in ticks.collect::<Vec<_>>() {
        let ticked = ticked.await.unwrap();
        sum.promoted += ticked.promoted;
        sum.planted += ticked.planted;
    }
    sum
}

async fn eight_consoles_at_the_same_moment_do_it_once(ground: Ground) {
    let mut stores = Vec::new();
    for _ in 0..8 {
        stores.push(ground.open().await);
    }
    let (store, clock) = (&stores[0], &ground.clock);
    let schedule = nightly(store, clock).await;
    assert_eq!(next(store, &schedule).await, "11-15 02:30");
    assert_eq!(all_tick(&stores, clock).await, NOTHING);
    for night in 1..=5 {
        let at = standing(store, &schedule)
            .await
            .next
            .unwrap()
            .run_at
            .unwrap();
        clock.advance(at - clock.now_ms());
        let promoted = Ticked {
            promoted: 1,
            planted: 0,
        };
        assert_eq!(all_tick(&stores, clock).await, promoted);
        let job = take(store, clock).await;
        assert_eq!(job.operation, backup("app", ""));
        assert_eq!(job.schedule_id.as_deref(), Some(schedule.id.as_str()));
        finish(store, clock, &job).await;
        let planted = Ticked {
            promoted: 0,
            planted: 1,
        };
        assert_eq!(all_tick(&stores, clock).await, planted);
        let requested =
            "SELECT count(*) FROM audit WHERE outcome = 'requested' AND place = 'schedule'";
        assert_eq!(number(store, requested).await, night);
    }
    assert_eq!(number(store, "SELECT count(*) FROM job").await, 6);
    let asked = audit(store).await;
    let asked = asked.iter().find(|one| one.outcome == "requested").unwrap();
    assert_eq!(asked.actor, "schedule:every day at 03:30 Europe/Berlin");
    assert_eq!(asked.action, "backup.take");
    assert_eq!(asked.detail, "Its time was 2023-11-15 02:30 UTC.");
}

async fn what_was_missed_runs_once(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let schedule = nightly(&store, clock).await;
    clock.advance(3 * DAY);
    assert_eq!(tick(&store, clock).await.unwrap().promoted, 1);
    assert_eq!(tick(&store, clock).await.unwrap(), NOTHING);
    let job = take(&store, clock).await;
    finish(&store, clock, &job).await;
    assert_eq!(tick(&store, clock).await.unwrap().planted, 1);
    // It is 23:13 on the 17th in Berlin: the next night, and none of those before.
    assert_eq!(next(&store, &schedule).await, "11-18 02:30");
    assert_eq!(tick(&store, clock).await.unwrap(), NOTHING);
}

async fn no_run_overlaps_the_next(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let schedule = nightly(&store, clock).await;
    let job = begin(&store, clock, &schedule).await;
    for _ in 0..4 {
        clock.advance(DAY);
        assert_eq!(tick(&store, clock).await.unwrap(), NOTHING);
    }
    let seen = standing(&store, &schedule).await;
    assert!(seen.next.is_none());
    assert_eq!(seen.last.map(|last| last.id), Some(job.id.clone()));
    finish(&store, clock, &job).await;
    assert_eq!(tick(&store, clock).await.unwrap().planted, 1);
    assert_eq!(next(&store, &schedule).await, "11-20 02:30");
}

async fn a_slot_that_a_person_cancelled_does_not_come_again(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let schedule = nightly(&store, clock).await;
    for later in ["11-16 02:30", "11-17 02:30"] {
        clock.advance(MINUTE);
        let waiting = standing(&store, &schedule).await.next.unwrap();
        let asked = queue::ask_cancel(&store, clock, &waiting, BY).await;
        assert_eq!(asked.unwrap(), Asked::Withdrawn);
        assert_eq!(tick(&store, clock).await.unwrap().planted, 1);
        assert_eq!(next(&store, &schedule).await, later);
    }
    // A slot that was left out is no run.
    assert!(standing(&store, &schedule).await.last.is_none());
}

async fn a_clock_that_steps_back_runs_nothing_twice(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let schedule = nightly(&store, clock).await;
    let job = begin(&store, clock, &schedule).await;
    clock.advance(-2 * HOUR);
    assert_eq!(tick(&store, clock).await.unwrap(), NOTHING);
    finish(&store, clock, &job).await;
    assert_eq!(tick(&store, clock).await.unwrap().planted, 1);
    // 03:30 of this night is ahead again, and has run.
    assert_eq!(next(&store, &schedule).await, "11-16 02:30");
    clock.advance(2 * HOUR);
    assert_eq!(tick(&store, clock).await.unwrap(), NOTHING);
}

async fn an_interrupted_run_is_over(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let schedule = nightly(&store, clock).await;
    begin(&store, clock, &schedule).await;
    clock.advance(MINUTE);
    assert_eq!(reap(&store, clock).await.len(), 1);
    assert_eq!(tick(&store, clock).await.unwrap().planted, 1);
    // The next waits in the queue until somebody has looked at the target.
    clock.advance(DAY);
    assert_eq!(tick(&store, clock).await.unwrap().promoted, 1);
    assert!(
        queue::claim(&store, clock, "w", None)
            .await
            .unwrap()
            .is_none()
    );
}

async fn a_person_comes_before_a_schedule(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    nightly(&store, clock).await;
    clock.advance(DAY);
    assert_eq!(tick(&store, clock).await.unwrap().promoted, 1);
    let asked = enqueue(&store, clock, &backup("app", "by hand")).await;
    assert_eq!(take(&store, clock).await.id, asked);
}

async fn a_clock_that_was_far_ahead_does_not_end_a_schedule(ground: Ground) {
    let store = ground.open().await;
    let clock = &ground.clock;
    let schedule = nightly(&store, clock).await;
    // The machine wakes up ten years later, runs what is due, plants the next, and then learns what time it is.
    clock.advance(3_650 * DAY);
    let job = begin(&store, clock, &schedule).await;
    queue::finish(&store, clock, &job, &done()).await.unwrap();
    tick(&store, clock).await.unwrap();
    clock.advance(-3_650 * DAY);
    tick(&store, clock).await.unwrap();
    let run_at = standing(&store, &schedule)
        .await
        .next
        .unwrap()
        .run_at
        .unwrap();
    assert!(run_at - clock.now_ms() <= 2 * DAY, "not in ten years");
    assert_eq!(tick(&store, clock).await.unwrap(), NOTHING);
}
