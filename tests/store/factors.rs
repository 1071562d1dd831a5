//! Second factors: codes and recovery codes are taken once, whoever races, and a stolen store tells no secret.

use lockkeeper::auth::factor::key::{KeyError, KeyFile};
use lockkeeper::auth::factor::{FactorError, Factors, Standing, Taken};
use lockkeeper::auth::user;
use lockkeeper::store::Store;
use tempfile::TempDir;

use crate::ground::{Ground, number};
use crate::support::device::Device;

on_both!(
    a_factor_is_in_force_from_its_first_code_on,
    a_code_is_taken_once_by_whoever_races,
    recovery_codes_are_good_once,
    a_stolen_store_tells_no_secret,
    tries_are_counted_also_when_they_race,
);

/// A user who is setting a factor up, and the device for it.
struct Scene {
    store: Store,
    factors: Factors,
    user: String,
    device: Device,
    /// Where the key is.
    folder: TempDir,
}

impl Scene {
    async fn of(ground: &Ground) -> Self {
        let store = ground.open().await;
        let mut tx = store.begin().await.unwrap();
        let user = user::add(&mut tx, &ground.clock, "ada", "hash")
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let key = KeyFile::at(folder.path().join("secret.key"));
        let factors = Factors::new(store.clone(), ground.clock.clone(), key);
        factors.begin(&user.id).await.unwrap();
        let secret = factors.pending(&user.id).await.unwrap().unwrap();
        Self {
            device: Device::of(&secret.groups()),
            store,
            factors,
            user: user.id,
            folder,
        }
    }

    /// The same with the factor in force, and its recovery codes.
    async fn in_force(ground: &Ground) -> (Self, Vec<String>) {
        let scene = Self::of(ground).await;
        let code = scene.device.at(ground.clock.now_ms());
        let codes = scene.confirm(&code).await.unwrap();
        ground.clock.advance(60_000);
        (scene, codes)
    }

    async fn confirm(&self, code: &str) -> Option<Vec<String>> {
        let mut tx = self.store.begin().await.unwrap();
        let codes = self
            .factors
            .confirm(&mut tx, &self.user, code)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        codes
    }

    async fn take(&self, code: &str) -> Taken {
        let mut tx = self.store.begin().await.unwrap();
        let taken = self.factors.take(&mut tx, &self.user, code).await.unwrap();
        tx.commit().await.unwrap();
        taken
    }
}

async fn a_factor_is_in_force_from_its_first_code_on(ground: Ground) {
    let scene = Scene::of(&ground).await;
    let code = scene.device.at(ground.clock.now_ms());
    assert_eq!(scene.take(&code).await, Taken::Wrong, "it is only set up");
    assert!(!scene.factors.in_force(&scene.user).await.unwrap());
    assert_eq!(scene.confirm("000000x").await, None);
    let codes = scene.confirm(&code).await.unwrap();
    assert_eq!(codes.len(), 10);
    let standing = scene.factors.standing(&scene.user).await.unwrap();
    let since = ground.clock.now_ms();
    assert_eq!(standing, Standing::InForce { since, codes: 10 });
    assert_eq!(
        scene.take(&code).await,
        Taken::Before,
        "the first code was given"
    );

    // Beginning anew does not touch what is in force.
    scene.factors.begin(&scene.user).await.unwrap();
    assert!(scene.factors.pending(&scene.user).await.unwrap().is_none());
    assert_eq!(scene.confirm(&scene.device.at(since + 30_000)).await, None);
    assert_eq!(
        scene.take(&scene.device.at(since + 30_000)).await,
        Taken::Code
    );
    assert_eq!(scene.take(&scene.device.at(since)).await, Taken::Before);
    assert_eq!(
        scene.take(&scene.device.at(since - 60_000)).await,
        Taken::Wrong
    );

    let mut tx = scene.store.begin().await.unwrap();
    assert!(scene.factors.remove(&mut tx, &scene.user).await.unwrap());
    assert!(!scene.factors.remove(&mut tx, &scene.user).await.unwrap());
    tx.commit().await.unwrap();
    let rows = number(&scene.store, "SELECT count(*) FROM recovery_code").await;
    assert_eq!(rows, 0);
}

async fn a_code_is_taken_once_by_whoever_races(ground: Ground) {
    let (scene, codes) = Scene::in_force(&ground).await;
    for (code, right) in [
        (scene.device.at(ground.clock.now_ms()), Taken::Code),
        (codes[0].clone(), Taken::Recovery),
    ] {
        let tries: Vec<_> = (0..8).map(|_| scene.take(&code)).collect();
        let taken = futures_util::future::join_all(tries).await;
        let won = taken.iter().filter(|taken| **taken == right).count();
        assert_eq!(won, 1, "{taken:?}");
    }
}

async fn recovery_codes_are_good_once(ground: Ground) {
    let (scene, codes) = Scene::in_force(&ground).await;
    let sloppy = format!(" {} ", codes[1].to_lowercase().replace('-', " "));
    assert_eq!(scene.take(&sloppy).await, Taken::Recovery);
    assert_eq!(scene.take(&codes[1]).await, Taken::Wrong);
    for wrong in ["", "AAAA-AAAA-AAAA-AAAA", "\0", &codes[2][..18]] {
        assert_eq!(scene.take(wrong).await, Taken::Wrong, "{wrong:?}");
    }
    assert_eq!(scene.factors.codes_left(&scene.user).await.unwrap(), 9);
    let mut tx = scene.store.begin().await.unwrap();
    let fresh = scene
        .factors
        .renew_codes(&mut tx, &scene.user)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        scene.take(&codes[2]).await,
        Taken::Wrong,
        "the old ones are void"
    );
    assert_eq!(scene.take(&fresh[9]).await, Taken::Recovery);
    // They are kept as hashes.
    let kept: Vec<String> = sqlx::query_scalar("SELECT code_hash FROM recovery_code")
        .fetch_all(scene.store.read())
        .await
        .unwrap();
    let bare = fresh[0].replace('-', "");
    assert!(
        kept.iter()
            .all(|hash| hash.len() == 64 && !hash.contains(&bare))
    );
}

async fn a_stolen_store_tells_no_secret(ground: Ground) {
    let (scene, codes) = Scene::in_force(&ground).await;
    // The thief's console makes a key of its own.
    let file = KeyFile::at(scene.folder.path().join("thief.key"));
    let thief = Factors::new(scene.store.clone(), ground.clock.clone(), file.clone());
    let code = scene.device.at(ground.clock.now_ms());
    let mut tx = scene.store.begin().await.unwrap();
    let refused = thief.take(&mut tx, &scene.user, &code).await;
    assert!(matches!(
        refused,
        Err(FactorError::Key(KeyError::Absent(_)))
    ));
    file.read_or_make().unwrap();
    let refused = thief.take(&mut tx, &scene.user, &code).await;
    assert!(matches!(
        refused,
        Err(FactorError::Key(KeyError::Other { .. }))
    ));
    drop(tx);
    let sealed = thief.sealed().await.unwrap();
    assert_eq!((sealed.ours, sealed.others), (0, 1));
    let sealed = scene.factors.sealed().await.unwrap();
    assert_eq!((sealed.ours, sealed.others), (1, 0));
    // Where the key is lost, a recovery code is good all the same.
    let mut tx = scene.store.begin().await.unwrap();
    let taken = thief.take(&mut tx, &scene.user, &codes[0]).await.unwrap();
    assert_eq!(taken, Taken::Recovery);
    drop(tx);

    // A secret moved to another user does not open either.
    let mut tx = scene.store.begin().await.unwrap();
    let other = user::add(&mut tx, &ground.clock, "grace", "hash")
        .await
        .unwrap();
    sqlx::query("DELETE FROM recovery_code")
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query("UPDATE second_factor SET user_id = $1")
        .bind(&other.id)
        .execute(&mut *tx)
        .await
        .unwrap();
    let refused = scene.factors.take(&mut tx, &other.id, &code).await;
    assert!(matches!(refused, Err(FactorError::Key(KeyError::Damaged))));
}

async fn tries_are_counted_also_when_they_race(ground: Ground) {
    let scene = Scene::of(&ground).await;
    let session = "a1".to_owned();
    let counted = (0..6).map(|_| scene.factors.count_try(&session));
    let mut left: Vec<i64> = futures_util::future::join_all(counted)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    left.sort_unstable();
    assert_eq!(left, [-1, 0, 1, 2, 3, 4]);
    let mut tx = scene.store.begin().await.unwrap();
    scene.factors.forget_tries(&mut tx, &session).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(scene.factors.count_try(&session).await.unwrap(), 4);
}
