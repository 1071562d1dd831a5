//! One user: their roles, a new link, whether they may sign in, their second factor and their tokens.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::error::PageError;
use super::layout::Link;
use super::page::account::{AccountPage, RoleRow};
use super::page::when::When;
use super::proof::Asking;
use super::users::{grant_fields, is_place, place, standing};
use super::visit::SignedIn;
use super::{tokens, view};
use crate::audit;
use crate::auth::account::{self, Account};
use crate::auth::role::{EVERYWHERE, Role};
use crate::auth::setup::LINK_HOURS;
use crate::auth::user::UserError;

#[derive(Deserialize)]
pub(super) struct RoleBody {
    target: String,
    /// Empty: none any more.
    role: String,
}

/// `GET /users/{id}`.
pub(super) async fn show(
    who: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let account = load(&who, &path).await?;
    Ok(view::ok(&page(&who, &account, None, None).await?))
}

/// `POST /users/{id}/roles`: gives a role on a target, puts another in its place, or takes it away.
pub(super) async fn set_role(
    asking: Asking,
    id: web::Path<String>,
    body: web::Form<RoleBody>,
) -> Result<HttpResponse, PageError> {
    let who = asking.prove_on(&self::path(&id)).await?;
    let account = load(&who, &id).await?;
    let had = account.grants.iter().any(|(name, _)| name == body.target);
    let role = Role::from_word(&body.role);
    // What is there can be taken away, also of a target that is configured no more.
    if role.is_none() && !body.role.is_empty() || !had && !is_place(&who, &body.target) {
        return Err(PageError::Bad("there is no such role or target".to_owned()));
    }
    let (app, user) = (who.app(), &account.user);
    match app.set_role(who.by(), user, &body.target, role).await {
        Ok(true) => {
            let place = place(&body.target);
            let text = match role {
                Some(role) => format!("{place}: {} is {} now.", user.name, role.word()),
                None => format!("{place}: {} has no role of their own any more.", user.name),
            };
            who.flash(true, &text);
        }
        Ok(false) => who.flash(true, "Nothing was changed: it was so already."),
        Err(error) => return refuse(&who, &account, error).await,
    }
    // Whoever is admin no more may not look at this page any more.
    let leaves = user.id == who.user.id && body.target == EVERYWHERE && role != Some(Role::Admin);
    Ok(view::go(&if leaves {
        "/".to_owned()
    } else {
        path(&user.id)
    }))
}

/// `POST /users/{id}/link`: makes a link by which the user chooses another password. As with a new user, the answer itself
/// shows it.
pub(super) async fn link(
    asking: Asking,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let who = asking.prove_on(&self::path(&path)).await?;
    let account = load(&who, &path).await?;
    if account.user.disabled_at.is_some() {
        who.flash(false, "This user is disabled. Enable them first.");
        return Ok(view::go(&self::path(&account.user.id)));
    }
    if let Some(refused) = not_oneself(&who, &account) {
        return Ok(refused);
    }
    let token = who.app().new_link(who.by(), &account.user).await?;
    let link = who.app().link(&token);
    with_link(&who, &account.user.id, &link, StatusCode::OK).await
}

/// `POST /users/{id}/disable`.
pub(super) async fn disable(
    asking: Asking,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let who = asking.prove_on(&self::path(&path)).await?;
    set_enabled(&who, &path, false).await
}

/// `POST /users/{id}/enable`.
pub(super) async fn enable(
    asking: Asking,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let who = asking.prove_on(&self::path(&path)).await?;
    set_enabled(&who, &path, true).await
}

/// `POST /users/{id}/reset-factor`.
pub(super) async fn reset_factor(
    asking: Asking,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let who = asking.prove_on(&self::path(&path)).await?;
    let account = load(&who, &path).await?;
    if let Some(refused) = not_oneself(&who, &account) {
        return Ok(refused);
    }
    match who.app().reset_factor(who.by(), &account.user).await {
        Ok(true) => who.flash(
            true,
            "The second factor is gone, and their sessions have ended. The password alone lets them in.",
        ),
        Ok(false) => who.flash(false, "There is no second factor to take away."),
        Err(error) => return refuse(&who, &account, error).await,
    }
    Ok(view::go(&self::path(&account.user.id)))
}

/// `POST /users/{id}/tokens/{token}/revoke`.
pub(super) async fn revoke(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (id, token) = path.into_inner();
    let account = load(&who, &id).await?;
    tokens::revoke_of(&who, &account.user, &token).await?;
    Ok(view::go(&self::path(&account.user.id)))
}

/// What somebody does about their own password and second factor they do where both are asked for.
fn not_oneself(who: &SignedIn, account: &Account) -> Option<HttpResponse> {
    if account.user.id != who.user.id {
        return None;
    }
    who.flash(
        false,
        "This is you: change your own password and second factor here.",
    );
    Some(view::go("/me"))
}

async fn set_enabled(who: &SignedIn, id: &str, enabled: bool) -> Result<HttpResponse, PageError> {
    let account = load(who, id).await?;
    let (app, user) = (who.app(), &account.user);
    if let Err(error) = app.set_enabled(who.by(), user, enabled).await {
        return refuse(who, &account, error).await;
    }
    let name = &user.name;
    if enabled {
        who.flash(true, &format!("{name} can sign in again."));
    } else {
        who.flash(
            true,
            &format!("{name} is disabled, and their sessions have ended."),
        );
    }
    Ok(view::go(&path(&user.id)))
}

async fn refuse(
    who: &SignedIn,
    account: &Account,
    error: UserError,
) -> Result<HttpResponse, PageError> {
    match error {
        UserError::Store(error) => Err(error.into()),
        error => {
            let page = page(who, account, None, Some(error.to_string())).await?;
            Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

/// The page of a user with a link that was made just now.
pub(super) async fn with_link(
    who: &SignedIn,
    id: &str,
    link: &SecretString,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let account = load(who, id).await?;
    let page = page(who, &account, Some(link), None).await?;
    Ok(view::html(status, &page))
}

/// Where the page of a user is.
pub(super) fn path(id: &str) -> String {
    format!("/users/{id}")
}

async fn load(who: &SignedIn, id: &str) -> Result<Account, PageError> {
    let app = who.app();
    account::get(&app.store, &app.clock, id)
        .await?
        .ok_or_else(|| PageError::NotFound("user of that id".to_owned()))
}

async fn page(
    who: &SignedIn,
    account: &Account,
    link: Option<&SecretString>,
    error: Option<String>,
) -> Result<AccountPage, PageError> {
    let (app, user) = (who.app(), &account.user);
    let path = path(&user.id);
    let mut layout = who.layout(&user.name);
    layout.path.clone_from(&path);
    layout.crumbs = vec![Link::new("Users", "/users")];
    let roles = account.grants.iter().map(|(target, role)| RoleRow {
        target: target.to_owned(),
        place: place(target),
        role: role.word().to_owned(),
        sentence: role.sentence(),
    });
    Ok(AccountPage {
        layout,
        name: user.name.clone(),
        is_me: user.id == who.user.id,
        standing: standing(account),
        has_factor: account.has_factor,
        since: When::at(user.created_at),
        last: audit::last_sign_in(&app.store, &user.name)
            .await?
            .map(When::at),
        roles: roles.collect(),
        grant: grant_fields(who, EVERYWHERE, Role::Viewer.word()),
        link: link.map(|link| link.expose_secret().to_owned()),
        hours: LINK_HOURS,
        link_until: account.link_until.map(When::at),
        tokens: tokens::rows(app, &user.id, &format!("{path}/tokens")).await?,
        path,
        error,
    })
}
