//! Known browsers: whose they are, how long, and what makes them forgotten.

use lockkeeper::auth::{device, user};
use lockkeeper::clock::Clock;
use lockkeeper::store::Store;

use crate::ground::{Ground, number};

on_both!(
    a_browser_is_known_for_the_user_who_signed_in,
    a_browser_is_forgotten_after_half_a_year_without_use,
    a_new_password_forgets_the_browsers_of_its_user_only,
    a_user_has_so_many_browsers,
    only_the_hash_of_the_cookie_is_kept,
);

async fn add(store: &Store, clock: &Clock, name: &str) -> String {
    let mut tx = store.begin().await.unwrap();
    let made = user::add(&mut tx, clock, name, "hash").await.unwrap();
    tx.commit().await.unwrap();
    made.id
}

async fn is_known(store: &Store, clock: &Clock, cookie: &str, name: &str) -> bool {
    let known = device::known(store, clock, cookie, name).await.unwrap();
    known.is_some()
}

async fn a_browser_is_known_for_the_user_who_signed_in(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let (ada, bob) = (
        add(&store, clock, "Ada").await,
        add(&store, clock, "bob").await,
    );
    let cookie = device::remember(&store, clock, None, &ada).await.unwrap();
    assert_eq!(cookie.len(), 64, "256 bits");
    assert!(is_known(&store, clock, &cookie, "ada").await);
    assert!(!is_known(&store, clock, &cookie, "bob").await);
    assert!(!is_known(&store, clock, &cookie, "nobody").await);
    assert!(!is_known(&store, clock, "another", "ada").await);

    let again = device::remember(&store, clock, Some(&cookie), &ada).await;
    assert_eq!(again.unwrap(), cookie, "the same browser");
    // A cookie that somebody made up is not taken for a new one.
    let fresh = device::remember(&store, clock, Some("made up"), &ada).await;
    assert_ne!(fresh.unwrap(), "made up");
    assert!(!is_known(&store, clock, "made up", "ada").await);
    // Another user in the same browser, which keeps one cookie.
    let his = device::remember(&store, clock, Some(&cookie), &bob)
        .await
        .unwrap();
    assert_ne!(his, cookie);
    assert!(is_known(&store, clock, &his, "bob").await);
    assert!(!is_known(&store, clock, &cookie, "ada").await);
}

async fn a_browser_is_forgotten_after_half_a_year_without_use(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let ada = add(&store, clock, "ada").await;
    let cookie = device::remember(&store, clock, None, &ada).await.unwrap();
    let day = 24 * 60 * 60 * 1000;
    clock.advance(179 * day);
    device::remember(&store, clock, Some(&cookie), &ada)
        .await
        .unwrap();
    clock.advance(179 * day);
    assert_eq!(device::expire(&store, clock).await.unwrap(), 0);
    assert!(is_known(&store, clock, &cookie, "ada").await);
    clock.advance(day);
    assert!(!is_known(&store, clock, &cookie, "ada").await);
    let fresh = device::remember(&store, clock, Some(&cookie), &ada).await;
    assert_ne!(fresh.unwrap(), cookie);
    clock.advance(180 * day);
    assert_eq!(device::expire(&store, clock).await.unwrap(), 1);
}

async fn a_new_password_forgets_the_browsers_of_its_user_only(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let (ada, bob) = (
        add(&store, clock, "ada").await,
        add(&store, clock, "bob").await,
    );
    let hers = device::remember(&store, clock, None, &ada).await.unwrap();
    let his = device::remember(&store, clock, None, &bob).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    user::set_password(&mut tx, clock, "ada", "another")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(!is_known(&store, clock, &hers, "ada").await);
    assert!(is_known(&store, clock, &his, "bob").await);
}

async fn a_user_has_so_many_browsers(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let ada = add(&store, clock, "ada").await;
    let first = device::remember(&store, clock, None, &ada).await.unwrap();
    let mut last = String::new();
    for _ in 0..50 {
        clock.advance(1_000);
        last = device::remember(&store, clock, None, &ada).await.unwrap();
    }
    assert!(!is_known(&store, clock, &first, "ada").await);
    assert!(is_known(&store, clock, &last, "ada").await);
    assert_eq!(number(&store, "SELECT count(*) FROM device").await, 50);
}

async fn only_the_hash_of_the_cookie_is_kept(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let ada = add(&store, clock, "ada").await;
    let cookie = device::remember(&store, clock, None, &ada).await.unwrap();
    let kept: String = sqlx::query_scalar("SELECT key_hash FROM device")
        .fetch_one(store.read())
        .await
        .unwrap();
    assert_ne!(kept, cookie);
    assert_eq!(kept, lockkeeper::auth::fingerprint(&cookie));
}
