//! API tokens: what is kept of one, what it opens, and until when.

use lockkeeper::auth::api_token::{self, ApiToken, MOST, Opened, TokenError, Wish};
use lockkeeper::auth::fingerprint;
use lockkeeper::auth::role::{EVERYWHERE, Grants, Permission, Role};
use lockkeeper::auth::user::{self, User};
use lockkeeper::store::Store;
use secrecy::ExposeSecret;

use crate::ground::{Ground, number, sql};

on_both!(
    only_the_hash_of_a_token_is_kept,
    a_token_opens_until_it_expires_or_is_revoked,
    a_token_opens_nothing_once_its_owner_is_disabled,
    a_token_is_never_more_than_its_owner,
    a_token_follows_its_owner_down,
    a_token_of_somebody_else_cannot_be_revoked,
    the_use_of_a_token_is_noted_once_a_minute,
    tokens_have_an_end_and_a_number,
);

const DAY: i64 = 86_400_000;

async fn ada(store: &Store, ground: &Ground, name: &str) -> User {
    let mut tx = store.begin().await.unwrap();
    let made = user::add(&mut tx, &ground.clock, name, "hash")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    made
}

fn grants(list: &[(&str, Role)]) -> Grants {
    let owned = list.iter().map(|(name, role)| ((*name).to_owned(), *role));
    Grants::of(owned.collect())
}

const WISH: Wish<'static> = Wish {
    name: "nightly",
    target: "app",
    role: Role::Operator,
    days: 90,
};

async fn make(
    store: &Store,
    ground: &Ground,
    user: &User,
    grants: &Grants,
    wish: &Wish<'_>,
) -> Result<(ApiToken, String), TokenError> {
    let mut tx = store.begin().await.unwrap();
    let (token, secret) = api_token::make(&mut tx, &ground.clock, &user.id, grants, wish).await?;
    tx.commit().await.unwrap();
    Ok((token, secret.expose_secret().to_owned()))
}

async fn open(store: &Store, ground: &Ground, secret: &str) -> Opened {
    api_token::open(store, &ground.clock, secret).await.unwrap()
}

async fn only_the_hash_of_a_token_is_kept(ground: Ground) {
    let store = ground.open().await;
    let ada = ada(&store, &ground, "ada").await;
    let all = grants(&[("*", Role::Admin)]);
    let (token, secret) = make(&store, &ground, &ada, &all, &WISH).await.unwrap();
    assert_eq!((secret.len(), &secret[..3]), (67, "lk_"));
    assert_eq!(token.hint, secret[..8]);
    let kept: String = sqlx::query_scalar("SELECT token_hash FROM api_token")
        .fetch_one(store.read())
        .await
        .unwrap();
    assert_eq!(kept, fingerprint(&secret));
    assert_eq!(
        open(&store, &ground, &secret).await,
        Opened::Good(token.clone(), ada)
    );
    // Neither the hash nor anything near opens anything.
    for other in [&kept, &secret[..66], &secret.to_uppercase(), ""] {
        assert_eq!(
            open(&store, &ground, other).await,
            Opened::Unknown,
            "{other}"
        );
    }
}

async fn a_token_opens_until_it_expires_or_is_revoked(ground: Ground) {
    let store = ground.open().await;
    let ada = ada(&store, &ground, "ada").await;
    let all = grants(&[("*", Role::Admin)]);
    let (old, first) = make(&store, &ground, &ada, &all, &WISH).await.unwrap();
    ground.clock.advance(90 * DAY - 1);
    assert!(matches!(
        open(&store, &ground, &first).await,
        Opened::Good(..)
    ));
    ground.clock.advance(1);
    assert!(matches!(
        open(&store, &ground, &first).await,
        Opened::Over(_, _, "expired")
    ));

    let (new, second) = make(&store, &ground, &ada, &all, &WISH).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    for expected in [true, false] {
        let revoked = api_token::revoke(&mut tx, &ground.clock, &ada.id, &new.id).await;
        assert_eq!(revoked.unwrap().is_some(), expected, "once");
    }
    tx.commit().await.unwrap();
    assert!(matches!(
        open(&store, &ground, &second).await,
        Opened::Over(_, _, "revoked")
    ));
    let listed = api_token::list(&store, &ground.clock, &ada.id)
        .await
        .unwrap();
    let ids: Vec<&str> = listed.iter().map(|token| token.id.as_str()).collect();
    assert_eq!(ids, [new.id.as_str(), old.id.as_str()]);
}

async fn a_token_opens_nothing_once_its_owner_is_disabled(ground: Ground) {
    let store = ground.open().await;
    let ada = ada(&store, &ground, "ada").await;
    let all = grants(&[("*", Role::Viewer)]);
    let wish = Wish {
        role: Role::Viewer,
        ..WISH
    };
    let (token, secret) = make(&store, &ground, &ada, &all, &wish).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    user::disable(&mut tx, &ground.clock, "ada").await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(
        open(&store, &ground, &secret).await,
        Opened::Over(..)
    ));
    let again = api_token::again(&store, &ground.clock, &token.id).await;
    assert!(matches!(again.unwrap(), Opened::Over(..)));
}

async fn a_token_is_never_more_than_its_owner(ground: Ground) {
    let store = ground.open().await;
    let ada = ada(&store, &ground, "ada").await;
    let viewer = grants(&[("*", Role::Viewer)]);
    let some = grants(&[("*", Role::Viewer), ("app", Role::Operator)]);
    let admin = grants(&[("*", Role::Admin)]);
    for (grants, target, role, good) in [
        (&viewer, "app", Role::Viewer, true),
        (&viewer, "app", Role::Operator, false),
        (&some, "app", Role::Operator, true),
        (&some, "other", Role::Operator, false),
        (&some, EVERYWHERE, Role::Operator, true),
        (&admin, "app", Role::Operator, true),
        (&admin, "app", Role::Approver, false),
        (&admin, EVERYWHERE, Role::Admin, false),
        (&Grants::default(), EVERYWHERE, Role::Viewer, false),
        (&Grants::default(), "app", Role::Viewer, false),
    ] {
        let wish = Wish {
            target,
            role,
            ..WISH
        };
        let made = make(&store, &ground, &ada, grants, &wish).await;
        assert_eq!(made.is_ok(), good, "{grants:?} {target} {role:?}");
        if let Ok((token, _)) = made {
            let narrowed = token.narrow(grants);
            assert!(narrowed.on("app") <= grants.on("app"));
            assert!(narrowed.on("other") <= grants.on("other"));
            assert!(!narrowed.may("app", Permission::Approve));
        }
    }
}

async fn a_token_follows_its_owner_down(ground: Ground) {
    let store = ground.open().await;
    let ada = ada(&store, &ground, "ada").await;
    let admin = grants(&[("*", Role::Admin)]);
    let (token, _) = make(&store, &ground, &ada, &admin, &WISH).await.unwrap();
    assert_eq!(token.narrow(&admin).on("app"), Some(Role::Operator));
    assert_eq!(token.narrow(&admin).on("other"), None);
    let viewer = grants(&[("app", Role::Viewer)]);
    assert_eq!(token.narrow(&viewer).on("app"), Some(Role::Viewer));
    assert_eq!(
        token.narrow(&grants(&[("other", Role::Admin)])),
        Grants::default()
    );
    // Whatever somebody wrote into the store: a program approves nothing.
    let forged = ApiToken {
        role: Role::Admin,
        ..token
    };
    assert_eq!(forged.narrow(&admin).on("app"), Some(Role::Operator));
}

async fn a_token_of_somebody_else_cannot_be_revoked(ground: Ground) {
    let store = ground.open().await;
    let owner = ada(&store, &ground, "ada").await;
    let eve = ada(&store, &ground, "eve").await;
    let admin = grants(&[("*", Role::Admin)]);
    let (token, secret) = make(&store, &ground, &owner, &admin, &WISH).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let revoked = api_token::revoke(&mut tx, &ground.clock, &eve.id, &token.id).await;
    assert_eq!(revoked.unwrap(), None);
    tx.commit().await.unwrap();
    assert!(matches!(
        open(&store, &ground, &secret).await,
        Opened::Good(..)
    ));
    let hers = api_token::list(&store, &ground.clock, &eve.id).await;
    assert!(hers.unwrap().is_empty());
}

async fn the_use_of_a_token_is_noted_once_a_minute(ground: Ground) {
    let store = ground.open().await;
    let ada = ada(&store, &ground, "ada").await;
    let admin = grants(&[("*", Role::Admin)]);
    let (_, secret) = make(&store, &ground, &ada, &admin, &WISH).await.unwrap();
    let used = async |from: &str| {
        let Opened::Good(token, _) = open(&store, &ground, &secret).await else {
            return None;
        };
        api_token::note_use(&store, &ground.clock, &token, from)
            .await
            .unwrap();
        match open(&store, &ground, &secret).await {
            Opened::Good(token, _) => token.last_used_at.zip(token.last_used_from),
            _ => None,
        }
    };
    let minute = ground.clock.now_ms() / 60_000 * 60_000;
    assert_eq!(used("a").await, Some((minute, "a".to_owned())));
    ground.clock.advance(30_000);
    assert_eq!(used("b").await, Some((minute, "a".to_owned())));
    ground.clock.advance(30_000);
    assert_eq!(used("c").await, Some((minute + 60_000, "c".to_owned())));
}

async fn tokens_have_an_end_and_a_number(ground: Ground) {
    let store = ground.open().await;
    let ada = ada(&store, &ground, "ada").await;
    let admin = grants(&[("*", Role::Admin)]);
    for days in [0, 366, i64::MAX, -1] {
        let made = make(&store, &ground, &ada, &admin, &Wish { days, ..WISH }).await;
        assert!(matches!(made, Err(TokenError::Days)), "{days}");
    }
    for name in ["", " ", "a\nb", "nul\0", &"x".repeat(65)] {
        let made = make(&store, &ground, &ada, &admin, &Wish { name, ..WISH }).await;
        assert!(matches!(made, Err(TokenError::Name)), "{name:?}");
    }
    for _ in 0..MOST {
        make(&store, &ground, &ada, &admin, &WISH).await.unwrap();
    }
    let made = make(&store, &ground, &ada, &admin, &WISH).await;
    assert!(matches!(made, Err(TokenError::Many)));
    sql(&store, "UPDATE api_token SET revoked_at = 1")
        .await
        .unwrap();
    make(&store, &ground, &ada, &admin, &WISH).await.unwrap();
    assert_eq!(
        number(&store, "SELECT count(*) FROM api_token").await,
        MOST + 1
    );
}
