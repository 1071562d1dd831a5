//! The link of a user: they choose a password, and are signed in.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};

use super::browser;
use super::error::PageError;
use super::page::join::JoinPage;
use super::sign_in::{enter, later};
use super::view;
use super::visit::Visit;
use crate::audit;
use crate::auth::sign_in::BUSY;
use crate::auth::user::{User, UserError};
use crate::auth::{account, password};

/// What somebody is told whose link opens nothing, when there are users.
pub(super) const OVER: &str = "This link is not good any more: it was used, it has expired, or a newer one took its place. \
                               Ask an admin of this console for another one.";

/// The page that asks for the password.
pub(super) fn page(visit: &Visit, token: String, user: &User) -> JoinPage {
    JoinPage {
        layout: visit.layout("Choose a password"),
        token,
        name: user.name.clone(),
        password_hint: password::hint(false).to_owned(),
        password_error: None,
        repeat_error: None,
    }
}

/// Takes the password; none when the link is not good any more.
pub(super) async fn join(
    visit: &Visit,
    token: String,
    user: &User,
    chosen: SecretString,
    repeat: &SecretString,
) -> Result<Option<HttpResponse>, PageError> {
    let app = visit.app();
    let mut page = page(visit, token.clone(), user);
    let now = account::get(&app.store, &app.clock, &user.id).await?;
    let has_factor = now.is_some_and(|now| now.has_factor);
    if let Err(problem) = app.check_password(&user.name, &chosen, has_factor) {
        page.password_error = Some(problem.to_string());
    } else if chosen.expose_secret() != repeat.expose_secret() {
        page.repeat_error = Some("The two passwords differ.".to_owned());
    }
    if page.password_error.is_some() || page.repeat_error.is_some() {
        return Ok(Some(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page)));
    }
    let hash = match app.passwords.hash(chosen).await {
        Ok(hash) => hash,
        Err(busy) => {
            page.password_error = Some(busy.to_string());
            return Ok(Some(later(StatusCode::SERVICE_UNAVAILABLE, &page, BUSY)));
        }
    };
    match app.join(&visit.address, &token, user, &hash).await {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(UserError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(PageError::Internal(error.to_string())),
    }
    // The link stands for the password, not for the second factor.
    if has_factor {
        return Ok(Some(view::go("/login")));
    }
    let entry = audit::Entry {
        actor: &user.name,
        action: "sign-in",
        outcome: "succeeded",
        place: &visit.address,
        detail: "by the link",
        ..audit::Entry::default()
    };
    audit::record_alone(&app.store, &app.clock, &entry).await?;
    enter(visit, user)?;
    let mut response = view::go("/");
    browser::remember(visit, None, user, &mut response).await?;
    Ok(Some(response))
}
