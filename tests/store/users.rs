//! Users: names, passwords, being disabled.

use lockkeeper::auth::password::{Caller, Passwords};
use lockkeeper::auth::session::{Sessions, USER_KEY};
use lockkeeper::auth::user::{self, User, UserError};
use lockkeeper::clock::Clock;
use lockkeeper::store::Store;

use actix_session::storage::{SessionKey, SessionStore};
use actix_web::cookie::time::Duration;

use crate::ground::Ground;

on_both!(
    a_name_is_one_user_in_any_case,
    a_name_that_no_page_can_show_is_refused,
    a_new_password_ends_the_sessions_of_that_user_only,
    disabling_ends_the_sessions_and_closes_the_door,
    nobody_unknown_can_be_changed,
    signing_in_survives_hostile_names,
    signing_in_replaces_a_weak_hash,
);

async fn add(store: &Store, clock: &Clock, name: &str, hash: &str) -> Result<User, UserError> {
    let mut tx = store.begin().await.unwrap();
    let made = user::add(&mut tx, clock, name, hash).await?;
    tx.commit().await.unwrap();
    Ok(made)
}

async fn signed_in(sessions: &Sessions, user: &User) -> SessionKey {
    let state = [(USER_KEY.to_owned(), format!("\"{}\"", user.id))].into();
    sessions.save(state, &Duration::hours(1)).await.unwrap()
}

async fn a_name_is_one_user_in_any_case(ground: Ground) {
    let store = ground.open().await;
    assert!(user::none_yet(&store).await.unwrap());
    let made = add(&store, &ground.clock, "  Ada Łovelace ", "hash")
        .await
        .unwrap();
    assert_eq!(
        made.name, "Ada Łovelace",
        "kept as typed, without the blanks"
    );
    assert!(!user::none_yet(&store).await.unwrap());
    for twin in ["ada łovelace", "ADA ŁOVELACE"] {
        let refused = add(&store, &ground.clock, twin, "hash").await;
        assert!(matches!(refused, Err(UserError::Taken)), "{refused:?}");
    }
    add(&store, &ground.clock, "Zoe", "hash").await.unwrap();
    add(&store, &ground.clock, "bob", "hash").await.unwrap();
    let names: Vec<String> = user::list(&store)
        .await
        .unwrap()
        .into_iter()
        .map(|user| user.name)
        .collect();
    assert_eq!(
        names,
        ["Ada Łovelace", "bob", "Zoe"],
        "in order, whatever the case"
    );
}

async fn a_name_that_no_page_can_show_is_refused(ground: Ground) {
    let store = ground.open().await;
    let long = "x".repeat(65);
    for name in ["", "   ", "a\nb", "nul\0", long.as_str()] {
        let refused = add(&store, &ground.clock, name, "hash").await;
        assert!(
            matches!(refused, Err(UserError::Name)),
            "{name:?}: {refused:?}"
        );
    }
    assert!(user::none_yet(&store).await.unwrap());
}

async fn a_new_password_ends_the_sessions_of_that_user_only(ground: Ground) {
    let store = ground.open().await;
    let passwords = Passwords::default();
    let sessions = Sessions::new(store.clone(), ground.clock.clone(), 60);
    let old = passwords.hash("the old passphrase".into()).await.unwrap();
    let ada = add(&store, &ground.clock, "ada", &old).await.unwrap();
    let bob = add(&store, &ground.clock, "bob", "hash").await.unwrap();
    let hers = signed_in(&sessions, &ada).await;
    let his = signed_in(&sessions, &bob).await;

    let new = passwords.hash("the new passphrase".into()).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    user::set_password(&mut tx, &ground.clock, "ADA", &new)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    assert!(sessions.load(&hers).await.unwrap().is_none());
    assert!(sessions.load(&his).await.unwrap().is_some());
    let enter = async |password: &str| {
        user::sign_in(
            &store,
            &passwords,
            Caller::Stranger,
            " Ada ",
            password.into(),
        )
        .await
        .unwrap()
        .unwrap()
    };
    assert_eq!(enter("the old passphrase").await, None);
    assert_eq!(enter("the new passphrase").await, Some(ada));
}

async fn disabling_ends_the_sessions_and_closes_the_door(ground: Ground) {
    let store = ground.open().await;
    let passwords = Passwords::default();
    let sessions = Sessions::new(store.clone(), ground.clock.clone(), 60);
    let hash = passwords.hash("a good passphrase".into()).await.unwrap();
    let ada = add(&store, &ground.clock, "ada", &hash).await.unwrap();
    let key = signed_in(&sessions, &ada).await;
    assert!(user::enabled(&store, &ada.id).await.unwrap().is_some());

    let mut tx = store.begin().await.unwrap();
    user::disable(&mut tx, &ground.clock, "Ada").await.unwrap();
    tx.commit().await.unwrap();

    assert!(sessions.load(&key).await.unwrap().is_none());
    assert!(user::enabled(&store, &ada.id).await.unwrap().is_none());
    let stranger = Caller::Stranger;
    let password = "a good passphrase".into();
    let entered = user::sign_in(&store, &passwords, stranger, "ada", password).await;
    assert_eq!(entered.unwrap(), Ok(None));
    let listed = user::list(&store).await.unwrap();
    assert_eq!(listed[0].disabled_at, Some(ground.clock.now_ms()));

    let mut tx = store.begin().await.unwrap();
    user::set_password(&mut tx, &ground.clock, "ada", &hash)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(
        user::enabled(&store, &ada.id).await.unwrap().is_some(),
        "a new password enables"
    );
}

async fn nobody_unknown_can_be_changed(ground: Ground) {
    let store = ground.open().await;
    let mut tx = store.begin().await.unwrap();
    let disabled = user::disable(&mut tx, &ground.clock, "ghost").await;
    assert!(matches!(disabled, Err(UserError::Unknown)));
    let changed = user::set_password(&mut tx, &ground.clock, "ghost", "hash").await;
    assert!(matches!(changed, Err(UserError::Unknown)));
}

async fn signing_in_survives_hostile_names(ground: Ground) {
    let store = ground.open().await;
    let passwords = Passwords::default();
    for name in ["", "nul\0byte", "' OR 1=1 --", "\u{202e}ada"] {
        let password = "a good passphrase".into();
        let entered = user::sign_in(&store, &passwords, Caller::Stranger, name, password).await;
        assert_eq!(entered.unwrap(), Ok(None), "{name:?}");
    }
}

/// argon2id of `an old passphrase` with 8 KiB and one pass.
const WEAK: &str =
    "$argon2id$v=19$m=8,t=1,p=1$WKq5V8vwIdu6Ql6mYEDfVA$/KCGtY1OcBRyROwk+b9QSGtVcYIzeeV1zpXRvSOx2oo";

async fn signing_in_replaces_a_weak_hash(ground: Ground) {
    let store = ground.open().await;
    let passwords = Passwords::default();
    let ada = add(&store, &ground.clock, "ada", WEAK).await.unwrap();
    let hash = async || -> String {
        sqlx::query_scalar("SELECT password_hash FROM \"user\"")
            .fetch_one(store.read())
            .await
            .unwrap()
    };
    let enter = async |password: &str| {
        user::sign_in(&store, &passwords, Caller::Known, "ada", password.into())
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(enter("another passphrase").await, None);
    assert_eq!(hash().await, WEAK);
    for _ in 0..2 {
        assert_eq!(enter("an old passphrase").await, Some(ada.clone()));
        assert!(hash().await.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"));
    }
}
