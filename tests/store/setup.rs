//! The setup link: once, for a while, and only while there is nobody.

use lockkeeper::auth::{fingerprint, setup, user};
use lockkeeper::store::Store;

use crate::ground::{Ground, number};

on_both!(
    a_link_is_used_once,
    a_link_lapses,
    a_newer_link_voids_the_older_one,
    a_link_is_void_once_there_is_a_user,
    two_people_with_the_link_make_one_user,
    only_the_hash_of_a_link_is_kept,
);

async fn redeem(store: &Store, ground: &Ground, token: &str) -> bool {
    let mut tx = store.begin().await.unwrap();
    let good = setup::redeem(&mut tx, &ground.clock, token).await.unwrap();
    tx.commit().await.unwrap();
    good
}

async fn a_link_is_used_once(ground: Ground) {
    let store = ground.open().await;
    let token = setup::issue(&store, &ground.clock, 60).await.unwrap();
    assert!(setup::valid(&store, &ground.clock, &token).await.unwrap());
    assert!(
        !setup::valid(&store, &ground.clock, "another")
            .await
            .unwrap()
    );
    assert!(redeem(&store, &ground, &token).await);
    assert!(!redeem(&store, &ground, &token).await);
    assert!(!setup::valid(&store, &ground.clock, &token).await.unwrap());
}

async fn a_link_lapses(ground: Ground) {
    let store = ground.open().await;
    let token = setup::issue(&store, &ground.clock, 60).await.unwrap();
    ground.clock.advance(60 * 60_000 - 1);
    assert!(setup::valid(&store, &ground.clock, &token).await.unwrap());
    ground.clock.advance(1);
    assert!(!setup::valid(&store, &ground.clock, &token).await.unwrap());
    assert!(!redeem(&store, &ground, &token).await);
}

async fn a_newer_link_voids_the_older_one(ground: Ground) {
    let store = ground.open().await;
    let old = setup::issue(&store, &ground.clock, 60).await.unwrap();
    let new = setup::issue(&store, &ground.clock, 60).await.unwrap();
    assert!(!redeem(&store, &ground, &old).await);
    assert!(redeem(&store, &ground, &new).await);
}

async fn a_link_is_void_once_there_is_a_user(ground: Ground) {
    let store = ground.open().await;
    let token = setup::issue(&store, &ground.clock, 60).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    user::add(&mut tx, &ground.clock, "ada", "hash")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(!setup::valid(&store, &ground.clock, &token).await.unwrap());
    assert!(!redeem(&store, &ground, &token).await);
}

async fn two_people_with_the_link_make_one_user(ground: Ground) {
    let store = ground.open().await;
    let token = setup::issue(&store, &ground.clock, 60).await.unwrap();
    let racing = ["ada", "eve"].map(|name| {
        let (store, clock, token) = (store.clone(), ground.clock.clone(), token.clone());
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            if setup::redeem(&mut tx, &clock, &token).await.unwrap() {
                user::add(&mut tx, &clock, name, "hash").await.unwrap();
                tx.commit().await.unwrap();
            }
        })
    });
    for race in racing {
        race.await.unwrap();
    }
    assert_eq!(user::list(&store).await.unwrap().len(), 1);
}

async fn only_the_hash_of_a_link_is_kept(ground: Ground) {
    let store = ground.open().await;
    let token = setup::issue(&store, &ground.clock, 60).await.unwrap();
    assert_eq!(token.len(), 64);
    let kept: String = sqlx::query_scalar("SELECT token_hash FROM setup_link")
        .fetch_one(store.read())
        .await
        .unwrap();
    assert_eq!(kept, fingerprint(&token));
    assert_eq!(number(&store, "SELECT count(*) FROM setup_link").await, 1);
}
