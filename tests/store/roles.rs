//! Roles: given, exchanged, taken away, and what they let be seen.

use lockkeeper::audit::{self, Entry};
use lockkeeper::auth::role::{self, EVERYWHERE, Permission, Role};
use lockkeeper::auth::user;
use lockkeeper::job::queue::{self, Filter};
use lockkeeper::store::Store;

use crate::ground::{Ground, number, sql};
use crate::queue::{backup, enqueue};

on_both!(
    a_role_is_exchanged_not_added,
    a_role_that_there_is_not_is_refused,
    a_list_shows_only_what_may_be_seen,
);

async fn person(store: &Store, ground: &Ground, roles: &[(&str, Role)]) -> String {
    let mut tx = store.begin().await.unwrap();
    let made = user::add(&mut tx, &ground.clock, "ada", "hash")
        .await
        .unwrap();
    for (target, role) in roles {
        role::set(&mut tx, &made.id, target, Some(*role))
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    made.id
}

async fn a_role_is_exchanged_not_added(ground: Ground) {
    let store = ground.open().await;
    let id = person(&store, &ground, &[("app", Role::Admin)]).await;
    let set = async |role| {
        let mut tx = store.begin().await.unwrap();
        role::set(&mut tx, &id, "app", role).await.unwrap();
        tx.commit().await.unwrap();
        role::of_user(&store, &id).await.unwrap()
    };
    let lower = set(Some(Role::Viewer)).await;
    assert_eq!(lower.on("app"), Some(Role::Viewer));
    assert!(!lower.may("app", Permission::Operate));
    assert_eq!(lower.on(EVERYWHERE), None);
    assert_eq!(set(None).await.on("app"), None);
    assert_eq!(number(&store, "SELECT count(*) FROM user_role").await, 0);
    let none = role::of_user(&store, "nobody").await.unwrap();
    assert_eq!(none.scope().as_deref(), Some("/"));
}

async fn a_role_that_there_is_not_is_refused(ground: Ground) {
    let store = ground.open().await;
    person(&store, &ground, &[]).await;
    for impossible in [
        "INSERT INTO user_role (user_id, target, role) SELECT id, 'x', 'owner' FROM \"user\"",
        "INSERT INTO user_role (user_id, target, role) SELECT id, 'x', 'Admin' FROM \"user\"",
        "INSERT INTO user_role (user_id, target, role) SELECT id, 'x', '' FROM \"user\"",
        "INSERT INTO user_role (user_id, target, role) VALUES ('ghost', 'x', 'admin')",
    ] {
        sql(&store, impossible).await.unwrap_err();
    }
}

async fn a_list_shows_only_what_may_be_seen(ground: Ground) {
    let store = ground.open().await;
    // Names that hold one another, and one that a pattern would take for another.
    let targets = ["app", "app2", "my-app", "a_p", "b"];
    for target in targets {
        enqueue(&store, &ground.clock, &backup(target, "")).await;
    }
    let alone = Entry {
        actor: "ada",
        action: "sign-in",
        outcome: "succeeded",
        place: "here",
        ..Entry::default()
    };
    audit::record_alone(&store, &ground.clock, &alone)
        .await
        .unwrap();
    for (scope, expected) in [
        (None, &targets[..]),
        (Some("/app/"), &["app"]),
        (Some("/a_p/b/"), &["a_p", "b"]),
        (Some("/"), &[]),
        (Some("/ap/"), &[]),
    ] {
        let filter = Filter {
            scope,
            ..Filter::default()
        };
        let mut jobs = queue::page(&store, &filter, None, 10).await.unwrap();
        jobs.reverse();
        let seen: Vec<&str> = jobs.iter().map(|job| job.operation.target()).collect();
        assert_eq!(seen, expected, "{scope:?}");
        let counts = queue::open_counts(&store, scope).await.unwrap();
        let counted: i64 = counts.iter().map(|(_, jobs)| jobs).sum();
        assert_eq!(
            usize::try_from(counted).unwrap(),
            expected.len(),
            "{scope:?}"
        );

        let filter = audit::Filter {
            scope: scope.map(str::to_owned),
            ..audit::Filter::default()
        };
        let mut entries = audit::page(&store, &filter, None, 20).await.unwrap();
        entries.reverse();
        let mut about: Vec<&str> = entries
            .iter()
            .filter_map(|entry| entry.target.as_deref())
            .collect();
        about.dedup();
        assert_eq!(about, expected, "{scope:?}");
        assert_eq!(
            entries.iter().any(|entry| entry.target.is_none()),
            scope.is_none(),
            "what is about no target is for those who see everything"
        );
    }
}
