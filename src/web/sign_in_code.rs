//! The second page of signing in, for whoever has a second factor: the code.
//!
//! What must stay true: until the code is right the session holds nothing but that a password was, for five minutes and for
//! that user; it opens no other page.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::browser;
use super::error::PageError;
use super::page::login::LoginPage;
use super::page::sign_in_code::CodePage;
use super::sign_in::{self, enter, local};
use super::view;
use super::visit::Visit;
use crate::app::proof::{Proof, Proven, Prover, later};
use crate::auth::session::{STANDING_KEY, Standing};
use crate::auth::user::{self, User};

/// How long a right password waits for its code, in milliseconds.
const WAIT_MS: i64 = 5 * 60_000;
const PENDING_KEY: &str = "password_given";

/// Whose password was right, and when.
#[derive(Serialize, Deserialize)]
struct Pending {
    user: String,
    at: i64,
    next: String,
}

#[derive(Deserialize)]
pub(super) struct CodeForm {
    code: Option<SecretString>,
    recovery: Option<SecretString>,
}

/// Leads from a right password to the code. The session gets another key, and holds nothing else.
pub(super) fn ask(visit: &Visit, user: &User, next: &str) -> Result<HttpResponse, PageError> {
    let pending = Pending {
        user: user.id.clone(),
        at: visit.app().clock.now_ms(),
        next: next.to_owned(),
    };
    let standing = Standing {
        address: visit.address.clone(),
        agent: visit.agent.clone(),
        ..Standing::default()
    };
    let failed = |error: actix_session::SessionInsertError| PageError::Internal(error.to_string());
    visit.session.clear();
    visit.session.renew();
    visit.session.insert(PENDING_KEY, pending).map_err(failed)?;
    visit
        .session
        .insert(STANDING_KEY, standing)
        .map_err(failed)?;
    Ok(view::go("/login/code"))
}

/// `GET /login/code`.
pub(super) async fn form(visit: Visit) -> Result<HttpResponse, PageError> {
    Ok(match waiting(&visit).await? {
        Some(_) => view::ok(&page(&visit, None)),
        None => view::go("/login"),
    })
}

/// `POST /login/code`.
pub(super) async fn check(
    visit: Visit,
    request: HttpRequest,
    form: web::Form<CodeForm>,
) -> Result<HttpResponse, PageError> {
    let Some((user, pending)) = waiting(&visit).await? else {
        return Ok(view::go("/login"));
    };
    let CodeForm { code, recovery } = form.into_inner();
    let filled = |given: &SecretString| !given.expose_secret().trim().is_empty();
    let given = recovery.filter(filled).or(code);
    let given = given.unwrap_or_else(|| String::new().into());
    let app = visit.app();
    let cookie = request.cookie(browser::cookie_name(&visit));
    let cookie = cookie.as_ref().map(Cookie::value);
    let known = app.known_browser(cookie, &user).await?;
    // Asked before what is recorded now.
    let guesses = app.guesses_since_sign_in(&user).await?;
    let prover = Prover {
        user: &user,
        session: Some(&visit.standing.name),
        known: known.as_deref(),
        place: &visit.address,
        action: "sign-in",
    };
    match app.prove(prover, Proof::Code(given)).await? {
        Proven::Yes => {
            enter(&visit, &user)?;
            if let Some(guesses) = guesses {
                visit.flash(
                    false,
                    &format!(
                        "Since you last signed in: {}, the last from {}. If that was not you, somebody knows your \
                         password. Change it at “Your account”.",
                        guesses.detail, guesses.place
                    ),
                );
            }
            let mut response = view::go(local(&pending.next));
            browser::remember(&visit, cookie, &user, &mut response).await?;
            Ok(response)
        }
        Proven::No(why, left) => {
            let left = usize::try_from(left).unwrap_or_default();
            let error = format!("{why} You have {} left.", tries(left));
            let page = page(&visit, Some(error));
            Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Proven::Later(after) => {
            let page = page(&visit, Some(later(after)));
            Ok(sign_in::later(StatusCode::TOO_MANY_REQUESTS, &page, after))
        }
        Proven::Over => {
            visit.session.purge();
            let page = LoginPage {
                layout: visit.layout("Sign in"),
                name: String::new(),
                next: pending.next,
                nobody: false,
                error: Some("Too many wrong codes. Begin again with your password.".to_owned()),
            };
            Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

fn tries(left: usize) -> String {
    match left {
        1 => "1 try".to_owned(),
        left => format!("{left} tries"),
    }
}

fn page(visit: &Visit, error: Option<String>) -> CodePage {
    CodePage {
        layout: visit.layout("Sign in"),
        error,
    }
}

/// Who has given a right password in this session, not too long ago, and may still sign in.
async fn waiting(visit: &Visit) -> Result<Option<(User, Pending)>, PageError> {
    let pending: Option<Pending> = visit.session.get(PENDING_KEY).unwrap_or_default();
    let now = visit.app().clock.now_ms();
    let Some(pending) = pending.filter(|pending| now - pending.at < WAIT_MS) else {
        return Ok(None);
    };
    let store = &visit.app().store;
    // Whoever ended the sessions of this user meanwhile, with a new password say, has ended this one too.
    let stamps = user::stamps(store, &pending.user).await?;
    if stamps.is_none_or(|(_, ended)| ended >= pending.at) {
        return Ok(None);
    }
    let user = user::enabled(store, &pending.user).await?;
    Ok(user.map(|user| (user, pending)))
}
