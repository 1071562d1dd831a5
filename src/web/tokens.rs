//! The API tokens of whoever looks: make one, revoke one. What a token opens is in [`super::bearer`].

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::error::PageError;
use super::layout::Layout;
use super::page::settings::Choice;
use super::page::tokens::{TokenCount, TokenRow, TokensPage};
use super::page::users::GrantFields;
use super::page::when::When;
use super::proof::{Asking, Proof};
use super::view;
use super::visit::SignedIn;
use crate::app::App;
use crate::auth::account;
use crate::auth::api_token::{self, TokenError, USUAL_DAYS, Wish};
use crate::auth::factor::Standing;
use crate::auth::role::{EVERYWHERE, Role};
use crate::auth::user::{self, User};
use crate::store::StoreError;

/// How much of what was typed is shown again, in characters.
const ECHO: usize = 200;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MakeBody {
    name: String,
    target: String,
    role: String,
    days: String,
    confirm: Option<SecretString>,
}

/// `GET /tokens`.
pub(super) async fn list(who: SignedIn) -> Result<HttpResponse, PageError> {
    let body = MakeBody {
        role: Role::Viewer.word().to_owned(),
        days: USUAL_DAYS.to_string(),
        ..MakeBody::default()
    };
    Ok(view::ok(&page(&who, &body, None).await?))
}

/// `POST /tokens`: makes one. The answer itself shows it, and no way leads there again: what leads to another page would have
/// to keep the token somewhere.
pub(super) async fn make(
    asking: Asking,
    body: web::Form<MakeBody>,
) -> Result<HttpResponse, PageError> {
    let mut body = body.into_inner();
    let who = match asking.prove(body.confirm.take()).await? {
        Proof::Given(who) => who,
        Proof::Wanting(who) => {
            let page = page(&who, &body, None).await?;
            return Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let app = who.app();
    let me = account::get(&app.store, &app.clock, &who.user.id).await?;
    let me = me.ok_or_else(|| PageError::NotFound("user of that id".to_owned()))?;
    let made = match (Role::from_word(&body.role), body.days.trim().parse()) {
        (Some(role), Ok(days)) => {
            let wish = Wish {
                name: &body.name,
                target: &body.target,
                role,
                days,
            };
            app.make_token(who.by(), &me, &wish).await
        }
        (None, _) => Err(TokenError::Role),
        (_, Err(_)) => Err(TokenError::Days),
    };
    match made {
        Ok((_, secret)) => {
            let body = MakeBody {
                role: body.role.clone(),
                target: body.target.clone(),
                days: USUAL_DAYS.to_string(),
                ..MakeBody::default()
            };
            let mut page = page(&who, &body, None).await?;
            page.made = Some(secret.expose_secret().to_owned());
            Ok(view::html(StatusCode::CREATED, &page))
        }
        Err(TokenError::Store(error)) => Err(error.into()),
        Err(error) => {
            let page = page(&who, &body, Some(error)).await?;
            Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

/// `POST /tokens/{id}/revoke`.
pub(super) async fn revoke(
    who: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    revoke_of(&who, &who.user, &path).await?;
    Ok(view::go("/tokens"))
}

/// Revokes a token of that user, and says so on the next page.
pub(super) async fn revoke_of(who: &SignedIn, owner: &User, id: &str) -> Result<(), PageError> {
    match who.app().revoke_token(who.by(), owner, id).await? {
        Some(token) => {
            let text = format!("Revoked: {}. It opens nothing any more.", token.name);
            who.flash(true, &text);
        }
        None => who.flash(false, "There is no such token that was not revoked before."),
    }
    Ok(())
}

/// How many tokens somebody has that are good, and how many of them whoever knew their old password, or knew it when it was
/// enough, may have made or seen made.
pub(super) async fn count(app: &App, user: &str) -> Result<TokenCount, StoreError> {
    let rows = rows(app, user, "").await?;
    Ok(TokenCount {
        good: rows.iter().filter(|row| row.revoke.is_some()).count(),
        older: rows.iter().filter(|row| row.is_older).count(),
    })
}

/// What is added to what is said about a new password or second factor: tokens go on without either.
pub(super) async fn reminder(app: &App, user: &str) -> Result<String, StoreError> {
    Ok(match count(app, user).await?.older {
        0 => String::new(),
        1 => " One API token that was made before still works: see below whether it is to."
            .to_owned(),
        older => format!(
            " {older} API tokens that were made before still work: see below whether they are to."
        ),
    })
}

/// Since when somebody has both the password and the second factor that they have now, in milliseconds since the epoch.
async fn secured_at(app: &App, user: &str) -> Result<i64, StoreError> {
    let password = user::stamps(&app.store, user).await?;
    let factor = match app.factors.standing(user).await? {
        Standing::InForce { since, .. } => since,
        Standing::None => 0,
    };
    Ok(password.map_or(0, |(at, _)| at).max(factor))
}

/// The tokens of a user; each is revoked below `path`.
pub(super) async fn rows(app: &App, user: &str, path: &str) -> Result<Vec<TokenRow>, StoreError> {
    let now = app.clock.now_ms();
    let secured_at = secured_at(app, user).await?;
    let tokens = api_token::list(&app.store, &app.clock, user).await?;
    let row = |token: api_token::ApiToken| {
        let over = token.over(now);
        TokenRow {
            may: format!("{} {}", token.role.word(), place(&token.target)),
            state: TokenRow::pill(over),
            expires: When::at(token.expires_at),
            last: token
                .last_used_at
                .map(|at| (When::at(at), token.last_used_from.unwrap_or_default())),
            revoke: over
                .is_none()
                .then(|| format!("{path}/{}/revoke", token.id)),
            is_older: over.is_none() && token.created_at < secured_at,
            name: token.name,
            hint: token.hint,
        }
    };
    Ok(tokens.into_iter().map(row).collect())
}

fn place(target: &str) -> String {
    match target {
        EVERYWHERE => "wherever its owner has a role".to_owned(),
        target => format!("on {target}"),
    }
}

async fn page(
    who: &SignedIn,
    body: &MakeBody,
    wrong: Option<TokenError>,
) -> Result<TokensPage, PageError> {
    let mut layout = Layout {
        confirm: who.confirm(),
        ..who.layout("API tokens")
    };
    "/tokens".clone_into(&mut layout.path);
    let cut = |text: &str| text.chars().take(ECHO).collect();
    let mut page = TokensPage {
        layout,
        tokens: rows(who.app(), &who.user.id, "/tokens").await?,
        made: None,
        grant: grant_fields(who, &body.target, &body.role),
        name: cut(&body.name),
        days: cut(&body.days),
        name_error: None,
        days_error: None,
        error: None,
    };
    match wrong {
        Some(error @ TokenError::Name) => page.name_error = Some(error.to_string()),
        Some(error @ TokenError::Days) => page.days_error = Some(error.to_string()),
        Some(error) => page.error = Some(error.to_string()),
        None => {}
    }
    Ok(page)
}

/// What a token of theirs may be at most.
fn grant_fields(who: &SignedIn, target: &str, role: &str) -> GrantFields {
    let most = who.grants.iter().map(|(_, role)| role).max();
    let seen = who.app().resources.targets.iter();
    let seen = seen.filter(|target| who.grants.on(&target.name).is_some());
    let every = most.map(|_| Choice::new(EVERYWHERE, "Wherever I have a role"));
    GrantFields {
        targets: every
            .into_iter()
            .chain(seen.map(|target| Choice::new(&target.name, &target.name)))
            .collect(),
        target: target.to_owned(),
        roles: [Role::Viewer, Role::Operator]
            .into_iter()
            .filter(|role| most >= Some(*role))
            .map(|role| Choice::new(role.word(), role.word()))
            .collect(),
        role: role.to_owned(),
    }
}
