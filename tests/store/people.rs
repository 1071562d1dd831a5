//! Admins and links: somebody can always give roles, and a link sets one password once.

use lockkeeper::auth::account;
use lockkeeper::auth::factor::Factors;
use lockkeeper::auth::factor::key::KeyFile;
use lockkeeper::auth::fingerprint;
use lockkeeper::auth::password::{Caller, Passwords};
use lockkeeper::auth::role::{self, EVERYWHERE, Role};
use lockkeeper::auth::setup::{self, LINK_HOURS};
use lockkeeper::auth::user::{self, User, UserError};
use lockkeeper::clock::Clock;
use lockkeeper::store::Store;
use secrecy::ExposeSecret;

use crate::ground::{Ground, number, sql};

on_both!(
    the_last_admin_stays,
    two_admins_who_demote_each_other_leave_one,
    whoever_cannot_sign_in_is_no_admin_to_count_on,
    a_link_sets_one_password_once,
    a_link_lapses_and_is_replaced,
    a_link_is_void_once_its_user_is_disabled_or_has_another_password,
    a_user_without_a_password_opens_nothing,
    a_second_factor_goes_with_its_codes,
    nobody_is_called_like_a_program,
);

async fn add(store: &Store, clock: &Clock, name: &str, hash: &str, role: Role) -> User {
    let mut tx = store.begin().await.unwrap();
    let made = user::add(&mut tx, clock, name, hash).await.unwrap();
    role::set(&mut tx, &made.id, EVERYWHERE, Some(role))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    made
}

async fn demote(store: &Store, user: &User) -> Result<Option<Role>, UserError> {
    let mut tx = store.begin().await.unwrap();
    let had = account::set_role(&mut tx, user, EVERYWHERE, Some(Role::Viewer)).await?;
    tx.commit().await.unwrap();
    Ok(had)
}

async fn disable(store: &Store, clock: &Clock, name: &str) -> Result<(), UserError> {
    let mut tx = store.begin().await.unwrap();
    user::disable(&mut tx, clock, name).await?;
    tx.commit().await.unwrap();
    Ok(())
}

async fn invite(store: &Store, clock: &Clock, user: &User) -> String {
    let mut tx = store.begin().await.unwrap();
    let token = setup::invite(&mut tx, clock, user).await.unwrap();
    tx.commit().await.unwrap();
    token.expose_secret().to_owned()
}

async fn accept(store: &Store, clock: &Clock, token: &str, user: &User, hash: &str) -> bool {
    let mut tx = store.begin().await.unwrap();
    let good = setup::accept(&mut tx, clock, token, user, hash)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    good
}

async fn the_last_admin_stays(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let ada = add(&store, clock, "ada", "hash", Role::Admin).await;
    let eve = add(&store, clock, "eve", "hash", Role::Operator).await;
    let refused = disable(&store, clock, " ADA ").await;
    assert!(matches!(refused, Err(UserError::LastAdmin)), "{refused:?}");
    let refused = demote(&store, &ada).await;
    assert!(matches!(refused, Err(UserError::LastAdmin)), "{refused:?}");
    // Being admin of one target is not enough, and other roles of hers may go.
    let mut tx = store.begin().await.unwrap();
    let app = account::set_role(&mut tx, &eve, "app", Some(Role::Admin)).await;
    assert_eq!(app.unwrap(), None);
    let none = account::set_role(&mut tx, &ada, "app", None).await;
    assert_eq!(none.unwrap(), None);
    tx.commit().await.unwrap();
    assert!(demote(&store, &ada).await.is_err());
    disable(&store, clock, "eve").await.unwrap();

    let grace = add(&store, clock, "grace", "hash", Role::Admin).await;
    assert_eq!(demote(&store, &ada).await.unwrap(), Some(Role::Admin));
    assert!(demote(&store, &grace).await.is_err());
    let now = role::of_user(&store, &ada.id).await.unwrap();
    assert_eq!(now.words(), "viewer everywhere");
}

async fn two_admins_who_demote_each_other_leave_one(ground: Ground) {
    let (store, clock) = (ground.open().await, ground.clock.clone());
    for round in 0..6 {
        // Those of the rounds before do not help.
        sql(&store, "DELETE FROM user_role").await.unwrap();
        let mut racing = Vec::new();
        for name in ["a", "b"] {
            let name = format!("{name}{round}");
            racing.push(add(&store, &clock, &name, "hash", Role::Admin).await);
        }
        let racing = racing.into_iter().map(|user| {
            let (store, clock) = (store.clone(), clock.clone());
            tokio::spawn(async move {
                if round % 2 == 0 {
                    demote(&store, &user).await.map(|_| ())
                } else {
                    disable(&store, &clock, &user.name).await
                }
            })
        });
        let racing: Vec<_> = racing.collect();
        let mut done = 0;
        for race in racing {
            done += i32::from(race.await.unwrap().is_ok());
        }
        assert_eq!(done, 1, "the other one is the last");
        let admins = "SELECT count(*) FROM \"user\" u JOIN user_role r ON r.user_id = u.id \
                      WHERE r.role = 'admin' AND u.disabled_at IS NULL";
        assert_eq!(number(&store, admins).await, 1);
    }
}

async fn whoever_cannot_sign_in_is_no_admin_to_count_on(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let ada = add(&store, clock, "ada", "hash", Role::Admin).await;
    add(&store, clock, "invited", "", Role::Admin).await;
    let gone = add(&store, clock, "gone", "hash", Role::Admin).await;
    disable(&store, clock, &gone.name).await.unwrap();
    assert!(demote(&store, &ada).await.is_err());
    assert!(disable(&store, clock, "ada").await.is_err());
    disable(&store, clock, "invited").await.unwrap();
}

async fn a_link_sets_one_password_once(ground: Ground) {
    let (store, clock) = (ground.open().await, ground.clock.clone());
    let ada = add(&store, &clock, "ada", "", Role::Viewer).await;
    let token = invite(&store, &clock, &ada).await;
    let kept: String = sqlx::query_scalar("SELECT token_hash FROM setup_link")
        .fetch_one(store.read())
        .await
        .unwrap();
    assert_eq!(kept, fingerprint(&token));
    let seen = account::get(&store, &clock, &ada.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (seen.has_password, seen.link_until.is_some()),
        (false, true)
    );
    assert_eq!(setup::invited(&store, &clock, "other").await.unwrap(), None);
    assert_eq!(
        setup::invited(&store, &clock, &token).await.unwrap(),
        Some(ada.clone())
    );
    // It makes no first user, and is nobody else's.
    assert!(!setup::valid(&store, &clock, &token).await.unwrap());
    let eve = add(&store, &clock, "eve", "", Role::Viewer).await;
    assert!(!accept(&store, &clock, &token, &eve, "x").await);
    let racing = ["one", "two"].map(|hash| {
        let (store, clock, token, ada) = (store.clone(), clock.clone(), token.clone(), ada.clone());
        tokio::spawn(async move { accept(&store, &clock, &token, &ada, hash).await })
    });
    let mut used = 0;
    for race in racing {
        used += i32::from(race.await.unwrap());
    }
    assert_eq!(used, 1);
    let seen = account::get(&store, &clock, &ada.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((seen.has_password, seen.link_until), (true, None));
    assert_eq!(setup::invited(&store, &clock, &token).await.unwrap(), None);
}

async fn a_link_lapses_and_is_replaced(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let ada = add(&store, clock, "ada", "hash", Role::Viewer).await;
    let old = invite(&store, clock, &ada).await;
    let eve = add(&store, clock, "eve", "hash", Role::Viewer).await;
    let hers = invite(&store, clock, &eve).await;
    let new = invite(&store, clock, &ada).await;
    assert!(!accept(&store, clock, &old, &ada, "x").await);
    assert!(
        setup::invited(&store, clock, &hers)
            .await
            .unwrap()
            .is_some()
    );
    clock.advance(LINK_HOURS * 3_600_000 - 1);
    assert!(setup::invited(&store, clock, &new).await.unwrap().is_some());
    clock.advance(1);
    assert_eq!(setup::invited(&store, clock, &new).await.unwrap(), None);
    assert!(!accept(&store, clock, &new, &ada, "x").await);
    let kept: String = sqlx::query_scalar("SELECT password_hash FROM \"user\" WHERE name = 'ada'")
        .fetch_one(store.read())
        .await
        .unwrap();
    assert_eq!(kept, "hash");
}

async fn a_link_is_void_once_its_user_is_disabled_or_has_another_password(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let ada = add(&store, clock, "ada", "hash", Role::Viewer).await;
    for disables in [true, false] {
        let token = invite(&store, clock, &ada).await;
        let mut tx = store.begin().await.unwrap();
        if disables {
            user::disable(&mut tx, clock, "ada").await.unwrap();
            user::enable(&mut tx, "ada").await.unwrap();
        } else {
            user::set_password(&mut tx, clock, "ada", "other")
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        assert!(!accept(&store, clock, &token, &ada, "x").await);
    }
    let token = invite(&store, clock, &ada).await;
    sql(&store, "UPDATE \"user\" SET disabled_at = 1")
        .await
        .unwrap();
    assert_eq!(setup::invited(&store, clock, &token).await.unwrap(), None);
    assert!(!accept(&store, clock, &token, &ada, "x").await);
}

async fn a_user_without_a_password_opens_nothing(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    add(&store, clock, "ada", "", Role::Admin).await;
    let passwords = Passwords::default();
    let mut took = Vec::new();
    for (name, password) in [("ada", ""), ("ada", "a good passphrase"), ("nobody", "")] {
        let began = std::time::Instant::now();
        let entered = user::sign_in(&store, &passwords, Caller::Known, name, password.into()).await;
        assert_eq!(entered.unwrap().unwrap(), None, "{name}");
        took.push(began.elapsed());
    }
    // The work of a hash, where doing none would take a hundredth of it.
    assert!(took[0] * 4 > took[2] && took[1] * 4 > took[2], "{took:?}");
}

async fn a_second_factor_goes_with_its_codes(ground: Ground) {
    let (store, clock) = (ground.open().await, &ground.clock);
    let ada = add(&store, clock, "ada", "hash", Role::Viewer).await;
    let folder = tempfile::tempdir().unwrap();
    let key = KeyFile::at(folder.path().join("secret.key"));
    let factors = Factors::new(store.clone(), clock.clone(), key);
    let reset = async || {
        let mut tx = store.begin().await.unwrap();
        let gone = factors.remove(&mut tx, &ada.id).await.unwrap();
        tx.commit().await.unwrap();
        gone
    };
    let has = async || {
        let seen = account::of_name(&store, clock, "Ada").await.unwrap();
        seen.unwrap().has_factor
    };
    assert!(!reset().await);
    sql(
        &store,
        "INSERT INTO second_factor (user_id, secret, key_name, last_step, created_at) \
         SELECT id, 's', 'k', 0, 1 FROM \"user\"",
    )
    .await
    .unwrap();
    assert!(!has().await, "one that is being set up is not asked for");
    sql(&store, "UPDATE second_factor SET confirmed_at = 1")
        .await
        .unwrap();
    sql(
        &store,
        "INSERT INTO recovery_code (user_id, code_hash) SELECT id, 'c' FROM \"user\"",
    )
    .await
    .unwrap();
    assert!(has().await);
    assert!(reset().await);
    assert!(!has().await);
    assert_eq!(
        number(&store, "SELECT count(*) FROM recovery_code").await,
        0
    );
}

async fn nobody_is_called_like_a_program(ground: Ground) {
    let store = ground.open().await;
    for name in [
        "token:nightly (ada)",
        " Terminal:root",
        "LOCKKEEPER",
        "somebody",
    ] {
        let mut tx = store.begin().await.unwrap();
        let refused = user::add(&mut tx, &ground.clock, name, "hash").await;
        assert!(matches!(refused, Err(UserError::Reserved)), "{name}");
    }
}
