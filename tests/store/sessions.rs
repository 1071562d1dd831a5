//! Sessions, through the trait that the pages use.

use std::collections::HashMap;

use actix_session::storage::SessionStore;
use actix_web::cookie::time::Duration;
use lockkeeper::auth::fingerprint;
use lockkeeper::auth::session::{STANDING_KEY, Sessions, Standing, agent};

use crate::ground::{Ground, number};

on_both!(
    what_is_saved_is_loaded,
    only_the_hash_of_a_key_is_kept,
    a_session_ends_at_a_fixed_time,
    a_session_that_is_not_used_ends,
    a_new_key_does_not_prolong_a_session,
    a_use_is_written_down_once_a_minute,
    an_update_does_not_bring_an_ended_session_back,
    the_cookie_key_outlives_a_restart,
);

fn state(word: &str) -> HashMap<String, String> {
    [("theme".to_owned(), format!("\"{word}\""))].into()
}

/// What a loaded session holds besides its own name.
fn kept(loaded: Option<HashMap<String, String>>) -> Option<HashMap<String, String>> {
    loaded.map(|mut state| {
        assert!(state.remove(STANDING_KEY).is_some(), "it knows its name");
        state
    })
}

/// What the store knows of a loaded session.
fn standing(loaded: Option<HashMap<String, String>>) -> Standing {
    serde_json::from_str(&loaded.unwrap()[STANDING_KEY]).unwrap()
}

async fn what_is_saved_is_loaded(ground: Ground) {
    let sessions = Sessions::new(ground.open().await, ground.clock.clone(), 60);
    let key = sessions
        .save(state("dark"), &Duration::hours(1))
        .await
        .unwrap();
    let loaded = sessions.load(&key).await.unwrap();
    assert_eq!(kept(loaded), Some(state("dark")));
    let key = sessions
        .update(key, state("light"), &Duration::hours(1))
        .await
        .unwrap();
    let loaded = sessions.load(&key).await.unwrap();
    assert_eq!(kept(loaded), Some(state("light")));
    sessions.delete(&key).await.unwrap();
    assert_eq!(sessions.load(&key).await.unwrap(), None);
}

async fn only_the_hash_of_a_key_is_kept(ground: Ground) {
    let store = ground.open().await;
    let sessions = Sessions::new(store.clone(), ground.clock.clone(), 60);
    let key = sessions
        .save(state("dark"), &Duration::hours(1))
        .await
        .unwrap();
    let (kept, whole): (String, String) = sqlx::query_as("SELECT key_hash, state FROM session")
        .fetch_one(store.read())
        .await
        .unwrap();
    assert_eq!(kept, fingerprint(key.as_ref()));
    assert!(!whole.contains(key.as_ref()));
}

async fn a_session_ends_at_a_fixed_time(ground: Ground) {
    let store = ground.open().await;
    let sessions = Sessions::new(store.clone(), ground.clock.clone(), 60);
    let hour = Duration::hours(1);
    let key = sessions.save(state("dark"), &hour).await.unwrap();
    ground.clock.advance(59 * 60_000);
    let key = sessions.update(key, state("light"), &hour).await.unwrap();
    sessions.update_ttl(&key, &hour).await.unwrap();
    assert!(sessions.load(&key).await.unwrap().is_some());
    assert_eq!(sessions.expire().await.unwrap(), 0);
    ground.clock.advance(60_000);
    assert!(
        sessions.load(&key).await.unwrap().is_none(),
        "being used does not prolong it"
    );
    assert_eq!(sessions.expire().await.unwrap(), 1);
    assert_eq!(number(&store, "SELECT count(*) FROM session").await, 0);
}

async fn a_session_that_is_not_used_ends(ground: Ground) {
    let store = ground.open().await;
    let sessions = Sessions::new(store.clone(), ground.clock.clone(), 10);
    let day = Duration::hours(24);
    let key = sessions.save(state("dark"), &day).await.unwrap();
    for _ in 0..3 {
        ground.clock.advance(9 * 60_000);
        let loaded = sessions.load(&key).await.unwrap();
        sessions
            .seen(&standing(loaded), "here", "Firefox")
            .await
            .unwrap();
    }
    ground.clock.advance(10 * 60_000 - 1);
    assert!(sessions.load(&key).await.unwrap().is_some());
    assert_eq!(sessions.expire().await.unwrap(), 0);
    ground.clock.advance(1);
    assert!(sessions.load(&key).await.unwrap().is_none());
    assert!(!sessions.is_alive(&fingerprint(key.as_ref())).await.unwrap());
    assert_eq!(sessions.expire().await.unwrap(), 1);
}

async fn a_new_key_does_not_prolong_a_session(ground: Ground) {
    let store = ground.open().await;
    let sessions = Sessions::new(store.clone(), ground.clock.clone(), 600);
    let hour = Duration::hours(1);
    let key = sessions.save(state("dark"), &hour).await.unwrap();
    ground.clock.advance(50 * 60_000);
    // What a proof does: the same session goes on under another key.
    let loaded = sessions.load(&key).await.unwrap().unwrap();
    sessions.delete(&key).await.unwrap();
    let key = sessions.save(loaded, &hour).await.unwrap();
    let loaded = standing(sessions.load(&key).await.unwrap());
    assert_eq!(loaded.created_at, crate::ground::NOON);
    ground.clock.advance(10 * 60_000);
    assert!(sessions.load(&key).await.unwrap().is_none());
}

async fn a_use_is_written_down_once_a_minute(ground: Ground) {
    let store = ground.open().await;
    let sessions = Sessions::new(store.clone(), ground.clock.clone(), 60);
    let key = sessions
        .save(state("dark"), &Duration::hours(1))
        .await
        .unwrap();
    let mut seen = Vec::new();
    for (ms, address) in [
        (59_999, "first"),
        (1, "second"),
        (59_999, "third"),
        (1, "fourth"),
    ] {
        ground.clock.advance(ms);
        let loaded = standing(sessions.load(&key).await.unwrap());
        sessions.seen(&loaded, address, "Firefox").await.unwrap();
        seen.push(standing(sessions.load(&key).await.unwrap()).address);
    }
    assert_eq!(seen, ["", "second", "second", "fourth"]);
    let hostile = format!("a\u{1b}[2J\n{}", "b".repeat(300));
    assert_eq!(agent(&hostile), format!("a[2J{}", "b".repeat(196)));
}

async fn an_update_does_not_bring_an_ended_session_back(ground: Ground) {
    let store = ground.open().await;
    let sessions = Sessions::new(store.clone(), ground.clock.clone(), 60);
    let hour = Duration::hours(1);
    let key = sessions.save(state("dark"), &hour).await.unwrap();
    sessions.delete(&key).await.unwrap();
    let key = sessions.update(key, state("light"), &hour).await.unwrap();
    assert!(sessions.load(&key).await.unwrap().is_none());
    assert_eq!(number(&store, "SELECT count(*) FROM session").await, 0);
}

async fn the_cookie_key_outlives_a_restart(ground: Ground) {
    let first = Sessions::new(ground.open().await, ground.clock.clone(), 60);
    let second = Sessions::new(ground.open().await, ground.clock.clone(), 60);
    let (one, other) = tokio::join!(first.cookie_key(), second.cookie_key());
    let key = one.unwrap();
    assert_eq!(key.len(), 64);
    assert_eq!(key, other.unwrap(), "two starts at once agree");
    assert_eq!(key, first.cookie_key().await.unwrap());
}
