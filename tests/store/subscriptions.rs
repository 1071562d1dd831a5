//! Subscriptions and the policy beside them: made, changed and removed, with what they were and what they became.

use lockkeeper::notify::subscription::{self, MOST, SubscriptionError};
use lockkeeper::notify::{Channel, EVERY_TARGET, Kind, policy};

use crate::ground::{Ground, audit, number, sql};
use crate::notifications::webhook;
use crate::queue::BY;

on_both!(
    changes_are_recorded_with_before_and_after,
    what_makes_no_sense_is_refused,
    what_a_newer_program_wrote_silences_nobody,
    the_age_of_a_backup_is_a_number_of_hours,
);

async fn changes_are_recorded_with_before_and_after(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let mail = Channel::mail("ada@example.com").unwrap();
    // In another order and twice: it is the same.
    let chosen = [Kind::TargetDown, Kind::BackupFailed, Kind::TargetDown];
    let made = subscription::create(&store, clock, "app", &mail, &chosen, BY).await;
    let made = made.unwrap();
    assert_eq!(made.kinds, [Kind::BackupFailed, Kind::TargetDown]);
    assert_eq!(
        subscription::list(&store, "app").await.unwrap(),
        std::slice::from_ref(&made)
    );
    assert!(
        subscription::list(&store, "other")
            .await
            .unwrap()
            .is_empty()
    );
    for kinds in [[Kind::JobFailed], [Kind::JobFailed]] {
        let changed = subscription::change(&store, clock, &made.id, &kinds, BY).await;
        changed.unwrap();
    }
    subscription::remove(&store, clock, &made.id, BY)
        .await
        .unwrap();
    for gone in [
        subscription::change(&store, clock, &made.id, &Kind::TOPICS, BY).await,
        subscription::remove(&store, clock, &made.id, BY).await,
    ] {
        assert!(matches!(gone, Err(SubscriptionError::Gone)), "{gone:?}");
    }
    let recorded: Vec<_> = audit(&store)
        .await
        .into_iter()
        .map(|one| (one.action, one.target, one.actor, one.before, one.after))
        .collect();
    let facts = |kinds: &str| {
        Some(format!(
            "{{\"channel\":\"mail:ada@example.com\",\"kinds\":\"{kinds}\"}}"
        ))
    };
    let (first, second) = (facts("backup-failed, target-down"), facts("job-failed"));
    let entry = |action: &str, before: &Option<String>, after: &Option<String>| {
        let action = format!("subscription.{action}");
        let (target, actor) = (Some("app".to_owned()), "ada".to_owned());
        (action, target, actor, before.clone(), after.clone())
    };
    assert_eq!(
        recorded,
        [
            entry("create", &None, &first),
            entry("change", &first, &second),
            entry("remove", &second, &None),
        ]
    );
}

async fn what_makes_no_sense_is_refused(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let create = async |target: &str, name: &str, kinds: &[Kind]| {
        subscription::create(&store, clock, target, &webhook(name), kinds, BY).await
    };
    for none in [&[][..], &[Kind::Test], &[Kind::TargetBack]] {
        let refused = create("app", "ops", none).await;
        assert!(
            matches!(refused, Err(SubscriptionError::NoKind)),
            "{refused:?}"
        );
    }
    create("app", "ops", &Kind::TOPICS).await.unwrap();
    let refused = create("app", "ops", &[Kind::JobFailed]).await;
    assert!(
        matches!(refused, Err(SubscriptionError::Exists)),
        "{refused:?}"
    );
    create(EVERY_TARGET, "ops", &Kind::TOPICS).await.unwrap();
    for n in 1..MOST {
        create("app", &format!("w{n}"), &Kind::TOPICS)
            .await
            .unwrap();
    }
    let refused = create("app", "one-more", &Kind::TOPICS).await;
    assert!(
        matches!(refused, Err(SubscriptionError::TooMany)),
        "{refused:?}"
    );
    let entries = "SELECT count(*) FROM audit";
    assert_eq!(
        number(&store, entries).await,
        i64::try_from(MOST).unwrap() + 1
    );
}

async fn what_a_newer_program_wrote_silences_nobody(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    for (id, channel, kinds) in [
        ("1", "pigeon:home", "[\"job-failed\"]"),
        ("2", "webhook:broken", "nothing"),
        ("3", "webhook:newer", "[\"moon-down\",\"job-failed\"]"),
    ] {
        let mut tx = store.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO subscription (id, target, channel, kinds, created_by, created_at, updated_at) \
             VALUES ($1, 'app', $2, $3, 'ada', 1, 1)",
        )
        .bind(id)
        .bind(channel)
        .bind(kinds)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }
    let made = subscription::create(&store, clock, "app", &webhook("ops"), &Kind::TOPICS, BY).await;
    made.unwrap();
    let there = subscription::list(&store, "app").await.unwrap();
    let channels: Vec<String> = there.iter().map(|one| one.channel.to_string()).collect();
    assert_eq!(channels, ["webhook:ops", "webhook:newer"]);
}

async fn the_age_of_a_backup_is_a_number_of_hours(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let read = || policy::backup_age_hours(&store, "app");
    assert_eq!(read().await.unwrap(), None);
    for hours in [None, Some(26), Some(26), Some(2), None, None] {
        let set = policy::set_backup_age_hours(&store, clock, "app", hours, BY).await;
        set.unwrap();
        assert_eq!(read().await.unwrap(), hours);
    }
    let recorded: Vec<_> = audit(&store)
        .await
        .into_iter()
        .map(|one| (one.before, one.after))
        .collect();
    let hours = |hours: u32| Some(format!("{{\"backup_age_hours\":{hours}}}"));
    assert_eq!(
        recorded,
        [(None, hours(26)), (hours(26), hours(2)), (hours(2), None)]
    );
    sql(
        &store,
        "INSERT INTO policy (target, name, value, updated_at, updated_by) VALUES ('app', 'backup_age_hours', '0', 1, 'x')",
    )
    .await
    .unwrap();
    assert_eq!(read().await.unwrap(), None);
}
