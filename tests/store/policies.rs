//! Policies: who needs a second factor.

use lockkeeper::auth::policy::{self, SECOND_FACTOR, SECOND_FACTOR_ROLES};
use lockkeeper::auth::role::{Grants, Role};
use serde_json::{Value, json};

use crate::ground::Ground;

on_both!(a_decision_is_kept_and_taken_back);

async fn a_decision_is_kept_and_taken_back(ground: Ground) {
    let store = ground.open().await;
    let decide = async |target: &str, name: &str, value: Option<Value>| {
        let mut tx = store.begin().await.unwrap();
        let before = policy::set(
            &mut tx,
            &ground.clock,
            "ada",
            (target, name),
            value.as_ref(),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        before
    };
    let viewer = Grants::of(vec![("app".to_owned(), Role::Viewer)]);
    let covers = async || {
        let policy = policy::second_factor(&store).await.unwrap();
        policy.covers(&viewer)
    };
    assert!(!covers().await);
    let on = Some(json!(true));
    assert_eq!(decide("app", SECOND_FACTOR, on.clone()).await, None);
    assert!(covers().await);
    let kept = policy::get(&store, "app", SECOND_FACTOR).await.unwrap();
    assert_eq!(kept, on);
    assert_eq!(decide("app", SECOND_FACTOR, None).await, on);
    assert!(!covers().await);
    // A role of a newer program is none here.
    let roles = json!(["viewer", "emperor"]);
    decide("*", SECOND_FACTOR_ROLES, Some(roles)).await;
    assert!(covers().await);
    let policy = policy::second_factor(&store).await.unwrap();
    assert_eq!(policy.roles(), [Role::Viewer]);
    assert!(!policy.is_on("app"));
}
