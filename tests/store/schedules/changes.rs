//! What people do to a schedule, what that does to its runs, and what is recorded of it.

use lockkeeper::job::Operation;
use lockkeeper::job::queue::{self, State};
use lockkeeper::job::schedule::scheduler::tick;
use lockkeeper::job::schedule::{self, CreateError};

use super::{DAY, MINUTE, NOTHING, begin, finish, next, nightly, standing, timing};
use crate::ground::{Ground, audit, number};
use crate::queue::{BY, backup};

on_both!(
    pausing_cancels_and_resuming_begins_from_now,
    a_change_moves_the_run_that_waits,
    a_change_while_a_run_is_under_way_counts_from_its_end,
    deleting_leaves_what_is_under_way,
    only_what_reads_is_scheduled_and_once,
    changes_are_recorded_with_before_and_after,
);

async fn pausing_cancels_and_resuming_begins_from_now(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let schedule = nightly(&store, clock).await;
    let waiting = standing(&store, &schedule).await.next.unwrap();
    let set = async |on| {
        let set = schedule::set_enabled(&store, clock, &schedule.id, on, BY).await;
        assert!(set.unwrap());
    };
    set(false).await;
    set(false).await;
    let job = queue::get(&store, &waiting.id).await.unwrap().unwrap();
    assert_eq!(job.state, State::Cancelled);
    clock.advance(2 * DAY);
    assert_eq!(tick(&store, clock).await.unwrap(), NOTHING);
    assert!(standing(&store, &schedule).await.next.is_none());
    set(true).await;
    set(true).await;
    assert_eq!(next(&store, &schedule).await, "11-17 02:30");
    // The slot that pausing has cancelled is not lost when it goes on in time.
    set(false).await;
    clock.advance(MINUTE);
    set(true).await;
    assert_eq!(next(&store, &schedule).await, "11-17 02:30");
    assert_eq!(tick(&store, clock).await.unwrap(), NOTHING);
    let entries = "SELECT count(*) FROM audit WHERE action LIKE 'schedule.%'";
    assert_eq!(
        number(&store, entries).await,
        5,
        "what changes nothing is not recorded"
    );
}

async fn a_change_moves_the_run_that_waits(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let monthly = timing(clock, "30 3 1 * *");
    let schedule = schedule::create(&store, clock, &backup("app", ""), &monthly, BY).await;
    let schedule = schedule.unwrap();
    let waiting = standing(&store, &schedule).await.next.unwrap();
    assert_eq!(next(&store, &schedule).await, "12-01 02:30");
    let hourly = timing(clock, "@hourly");
    let changed = schedule::change(&store, clock, &schedule.id, &hourly, BY).await;
    assert!(changed.unwrap());
    assert_eq!(next(&store, &schedule).await, "11-14 23:00");
    let moved = standing(&store, &schedule).await.next.unwrap();
    assert_eq!(moved.id, waiting.id);
    assert_eq!(moved.actor, "schedule:every hour Europe/Berlin");
    // Changed while it is paused: the month that was cancelled does not hold it up.
    let monthly = timing(clock, "30 3 1 * *");
    let paused = schedule::set_enabled(&store, clock, &schedule.id, false, BY).await;
    assert!(paused.unwrap());
    clock.advance(MINUTE);
    for timing in [&monthly, &hourly] {
        let changed = schedule::change(&store, clock, &schedule.id, timing, BY).await;
        assert!(changed.unwrap());
        assert!(standing(&store, &schedule).await.next.is_none());
    }
    let resumed = schedule::set_enabled(&store, clock, &schedule.id, true, BY).await;
    assert!(resumed.unwrap());
    assert_eq!(next(&store, &schedule).await, "11-14 23:00");
    for _ in 0..3 {
        let job = begin(&store, clock, &schedule).await;
        finish(&store, clock, &job).await;
        assert_eq!(tick(&store, clock).await.unwrap().planted, 1);
    }
    assert_eq!(next(&store, &schedule).await, "11-15 02:00");
}

async fn a_change_while_a_run_is_under_way_counts_from_its_end(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let schedule = nightly(&store, clock).await;
    let job = begin(&store, clock, &schedule).await;
    let hourly = timing(clock, "@hourly");
    let changed = schedule::change(&store, clock, &schedule.id, &hourly, BY).await;
    assert!(changed.unwrap());
    assert!(standing(&store, &schedule).await.next.is_none());
    finish(&store, clock, &job).await;
    assert_eq!(tick(&store, clock).await.unwrap().planted, 1);
    assert_eq!(next(&store, &schedule).await, "11-15 03:00");
}

async fn deleting_leaves_what_is_under_way(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let schedule = nightly(&store, clock).await;
    let job = begin(&store, clock, &schedule).await;
    assert!(
        schedule::delete(&store, clock, &schedule.id, BY)
            .await
            .unwrap()
    );
    assert!(
        !schedule::delete(&store, clock, &schedule.id, BY)
            .await
            .unwrap()
    );
    finish(&store, clock, &job).await;
    assert_eq!(tick(&store, clock).await.unwrap(), NOTHING);
    assert!(schedule::list(&store, "app").await.unwrap().is_empty());

    let schedule = nightly(&store, clock).await;
    let waiting = standing(&store, &schedule).await.next.unwrap();
    assert!(
        schedule::delete(&store, clock, &schedule.id, BY)
            .await
            .unwrap()
    );
    let job = queue::get(&store, &waiting.id).await.unwrap().unwrap();
    assert_eq!(job.state, State::Cancelled);
    let asked = job.cancel_asked.map(|(_, by)| by);
    assert_eq!(asked.as_deref(), Some("ada"));
    let gone = schedule::change(&store, clock, &schedule.id, &schedule.timing, BY).await;
    assert!(!gone.unwrap());
    clock.advance(2 * DAY);
    assert_eq!(tick(&store, clock).await.unwrap(), NOTHING);
}

async fn only_what_reads_is_scheduled_and_once(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let apply = Operation::ApplyPlan {
        target: "app".to_owned(),
        plan: "p".to_owned(),
        without_backup: false,
    };
    let refused = schedule::create(&store, clock, &apply, &timing(clock, "@daily"), BY).await;
    assert!(
        matches!(refused, Err(CreateError::NeedsPerson(_))),
        "{refused:?}"
    );
    let first = nightly(&store, clock).await;
    assert_eq!(
        nightly(&store, clock).await.id,
        first.id,
        "a double click makes one"
    );
    for minute in 1..schedule::MOST {
        let timing = timing(clock, &format!("{minute} 4 * * *"));
        let made = schedule::create(&store, clock, &backup("app", ""), &timing, BY).await;
        made.unwrap();
    }
    let one_more = timing(clock, "0 5 * * *");
    let refused = schedule::create(&store, clock, &backup("app", ""), &one_more, BY).await;
    assert!(matches!(refused, Err(CreateError::TooMany)), "{refused:?}");
    let other = schedule::create(&store, clock, &backup("other", ""), &one_more, BY).await;
    let other = other.unwrap();
    assert_eq!(
        schedule::list(&store, "app").await.unwrap().len(),
        schedule::MOST
    );
    assert_eq!(
        schedule::list(&store, "other").await.unwrap(),
        std::slice::from_ref(&other)
    );
    let elsewhere = schedule::get(&store, "app", &other.id).await.unwrap();
    assert!(
        elsewhere.is_none(),
        "a schedule is found at its target only"
    );
}

async fn changes_are_recorded_with_before_and_after(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let schedule = nightly(&store, clock).await;
    let hourly = timing(clock, "@hourly");
    schedule::change(&store, clock, &schedule.id, &hourly, BY)
        .await
        .unwrap();
    schedule::delete(&store, clock, &schedule.id, BY)
        .await
        .unwrap();
    let entries = audit(&store).await;
    let changes: Vec<_> = entries
        .iter()
        .filter(|entry| entry.action.starts_with("schedule."))
        .map(|entry| {
            let cron = |value: &Option<String>| {
                value.as_ref().map(|value| {
                    let value: serde_json::Value = serde_json::from_str(value).unwrap();
                    value["cron"].as_str().unwrap().to_owned()
                })
            };
            (
                entry.action.as_str(),
                cron(&entry.before),
                cron(&entry.after),
            )
        })
        .collect();
    let (night, hour) = (Some("30 3 * * *".to_owned()), Some("0 * * * *".to_owned()));
    assert_eq!(
        changes,
        [
            ("schedule.create", None, night.clone()),
            ("schedule.change", night, hour.clone()),
            ("schedule.delete", hour, None),
        ]
    );
    assert!(entries.iter().all(|entry| entry.actor == "ada"));
}
