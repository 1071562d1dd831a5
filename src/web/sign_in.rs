//! Signing in and out, the first user, and the colours.

use std::time::Duration;

use actix_web::cookie::{Cookie, SameSite, time::Duration as Days};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::browser;
use super::error::PageError;
use super::join;
use super::layout::Theme;
use super::page::login::LoginPage;
use super::page::setup::SetupPage;
use super::sign_in_code;
use super::view;
use super::visit::{THEME_COOKIE, Visit};
use crate::audit;
use crate::auth::role::{self, Role};
use crate::auth::session::{STANDING_KEY, Standing, USER_KEY};
use crate::auth::sign_in::{Attempt, BUSY, Tried};
use crate::auth::{password, setup, user};
use crate::store::StoreError;

#[derive(Deserialize)]
pub(super) struct SetupQuery {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
pub(super) struct SetupForm {
    token: String,
    /// Of the first user only.
    #[serde(default)]
    name: String,
    password: SecretString,
    repeat: SecretString,
}

#[derive(Deserialize)]
pub(super) struct LoginQuery {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct LoginForm {
    name: String,
    password: SecretString,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct ThemeForm {
    theme: String,
    #[serde(default, rename = "return")]
    back: String,
}

fn setup_page(visit: &Visit, token: String, name: String) -> SetupPage {
    SetupPage {
        layout: visit.layout("Make the first user"),
        token,
        name,
        password_hint: password::hint(false).to_owned(),
        name_error: None,
        password_error: None,
        repeat_error: None,
        error: None,
    }
}

const SETUP_OVER: &str = "This link is not good any more: it was used, or it has expired. Restarting the console prints a new one while there is no user.";

/// `GET /setup?token=…`.
pub(super) async fn setup_form(
    visit: Visit,
    query: web::Query<SetupQuery>,
) -> Result<HttpResponse, PageError> {
    let token = query.into_inner().token;
    if let Some(user) = setup::invited(&visit.app().store, &visit.app().clock, &token).await? {
        return Ok(view::ok(&join::page(&visit, token, &user)));
    }
    let valid = setup::valid(&visit.app().store, &visit.app().clock, &token).await?;
    if !valid {
        return gone(&visit).await;
    }
    Ok(view::ok(&setup_page(&visit, token, String::new())))
}

/// The page of a link that opens nothing.
async fn gone(visit: &Visit) -> Result<HttpResponse, PageError> {
    let nobody = user::none_yet(&visit.app().store).await?;
    let mut page = setup_page(visit, String::new(), String::new());
    "This link is over".clone_into(&mut page.layout.title);
    page.error = Some(if nobody { SETUP_OVER } else { join::OVER }.to_owned());
    Ok(view::html(StatusCode::GONE, &page))
}

/// `POST /setup`.
pub(super) async fn setup(
    visit: Visit,
    form: web::Form<SetupForm>,
) -> Result<HttpResponse, PageError> {
    let form = form.into_inner();
    let app = visit.app();
    if let Some(user) = setup::invited(&app.store, &app.clock, &form.token).await? {
        let token = form.token.clone();
        let joined = join::join(&visit, token, &user, form.password, &form.repeat).await?;
        return match joined {
            Some(response) => Ok(response),
            None => gone(&visit).await,
        };
    }
    let mut page = setup_page(&visit, form.token.clone(), form.name.clone());
    // The token first: hashing for anybody who asks would be a way to keep the machine busy.
    if !setup::valid(&app.store, &app.clock, &form.token).await? {
        return gone(&visit).await;
    }
    if let Err(error) = user::check_name(&form.name) {
        page.name_error = Some(error.to_string());
    }
    if let Err(problem) = app.check_password(&form.name, &form.password, false) {
        page.password_error = Some(problem.to_string());
    } else if form.password.expose_secret() != form.repeat.expose_secret() {
        page.repeat_error = Some("The two passwords differ.".to_owned());
    }
    if page.name_error.is_some() || page.password_error.is_some() || page.repeat_error.is_some() {
        return Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let hash = match app.passwords.hash(form.password).await {
        Ok(hash) => hash,
        Err(busy) => {
            page.password_error = Some(busy.to_string());
            return Ok(later(StatusCode::SERVICE_UNAVAILABLE, &page, BUSY));
        }
    };
    let mut tx = app.store.begin().await?;
    if !setup::redeem(&mut tx, &app.clock, &form.token).await? {
        return gone(&visit).await;
    }
    let made = user::add(&mut tx, &app.clock, &form.name, &hash)
        .await
        .map_err(|error| PageError::Internal(error.to_string()))?;
    // Somebody has to say what the others may do.
    role::set(&mut tx, &made.id, role::EVERYWHERE, Some(Role::Admin)).await?;
    let detail = format!("user {}, admin everywhere", made.name);
    let entry = audit::Entry {
        actor: &made.name,
        action: "user.setup",
        outcome: "succeeded",
        place: &visit.address,
        detail: &detail,
        ..audit::Entry::default()
    };
    audit::record(&mut tx, &app.clock, &entry).await?;
    tx.commit().await.map_err(StoreError::from)?;
    enter(&visit, &made)?;
    let mut response = view::go("/");
    browser::remember(&visit, None, &made, &mut response).await?;
    Ok(response)
}

/// `GET /login`.
pub(super) async fn login_form(
    visit: Visit,
    query: web::Query<LoginQuery>,
) -> Result<HttpResponse, PageError> {
    if visit.user.is_some() {
        return Ok(view::go(local(&query.next)));
    }
    Ok(view::ok(&LoginPage {
        layout: visit.layout("Sign in"),
        name: String::new(),
        next: local(&query.next).to_owned(),
        nobody: user::none_yet(&visit.app().store).await?,
        error: None,
    }))
}

/// `POST /login`.
pub(super) async fn login(
    visit: Visit,
    request: HttpRequest,
    form: web::Form<LoginForm>,
) -> Result<HttpResponse, PageError> {
    let form = form.into_inner();
    let app = visit.app();
    let next = local(&form.next).to_owned();
    let known = request.cookie(browser::cookie_name(&visit));
    let attempt = Attempt {
        name: &form.name,
        password: form.password,
        address: &visit.address,
        device: known.as_ref().map(Cookie::value),
    };
    let tried = tokio::select! {
        tried = app.sign_in(attempt) => tried?,
        // A try that waits for its turn must not delay the stop of the console.
        () = visit.shared.stop.cancelled() => Tried::Busy,
    };
    let refused = |error: &str| LoginPage {
        layout: visit.layout("Sign in"),
        name: form.name.clone(),
        next: next.clone(),
        nobody: false,
        error: Some(error.to_owned()),
    };
    match tried {
        Tried::In(user) if app.factors.in_force(&user.id).await? => {
            sign_in_code::ask(&visit, &user, &next)
        }
        Tried::In(user) => {
            record(&visit, &user.name, "succeeded").await?;
            enter(&visit, &user)?;
            let mut response = view::go(&next);
            let known = known.as_ref().map(Cookie::value);
            browser::remember(&visit, known, &user, &mut response).await?;
            Ok(response)
        }
        Tried::Wrong => {
            // The name as typed may be a password in the wrong field: only names of users are recorded.
            record(&visit, "somebody", "refused").await?;
            let page = refused("The name or the password is wrong.");
            Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Tried::Slow { retry_after } => {
            let page = refused(
                "Too many sign-ins have failed, and others wait for their turn. The password was not looked at; try \
                 again in a moment. A browser in which you have signed in before does not wait for them.",
            );
            Ok(later(StatusCode::TOO_MANY_REQUESTS, &page, retry_after))
        }
        Tried::Busy => {
            let page = refused(&password::Busy.to_string());
            Ok(later(StatusCode::SERVICE_UNAVAILABLE, &page, BUSY))
        }
    }
}

/// A page that says to come back, and when.
pub(super) fn later(
    status: StatusCode,
    page: &impl askama::Template,
    after: Duration,
) -> HttpResponse {
    let mut response = view::html(status, page);
    let seconds = header::HeaderValue::from(after.as_secs().max(1));
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

async fn record(visit: &Visit, actor: &str, outcome: &'static str) -> Result<(), StoreError> {
    let entry = audit::Entry {
        actor,
        action: "sign-in",
        outcome,
        place: &visit.address,
        ..audit::Entry::default()
    };
    audit::record_alone(&visit.app().store, &visit.app().clock, &entry).await
}

/// Binds the session to the user, under a new key: one that was known before signing in opens nothing after it.
pub(super) fn enter(visit: &Visit, user: &user::User) -> Result<(), PageError> {
    let failed = |error: actix_session::SessionInsertError| PageError::Internal(error.to_string());
    let standing = Standing {
        proven_at: visit.app().clock.now_ms(),
        address: visit.address.clone(),
        agent: visit.agent.clone(),
        ..Standing::default()
    };
    visit.session.clear();
    visit.session.renew();
    visit
        .session
        .insert(STANDING_KEY, standing)
        .map_err(failed)?;
    visit.session.insert(USER_KEY, &user.id).map_err(failed)
}

/// `POST /logout`.
pub(super) async fn logout(visit: Visit) -> Result<HttpResponse, PageError> {
    if let Some(user) = &visit.user {
        let entry = audit::Entry {
            actor: &user.name,
            action: "sign-out",
            outcome: "succeeded",
            place: &visit.address,
            ..audit::Entry::default()
        };
        audit::record_alone(&visit.app().store, &visit.app().clock, &entry).await?;
    }
    visit.session.purge();
    Ok(HttpResponse::SeeOther()
        .insert_header(("Location", "/login"))
        .insert_header(("Clear-Site-Data", "\"cache\", \"storage\""))
        .finish())
}

/// `POST /theme`.
pub(super) async fn theme(visit: Visit, form: web::Form<ThemeForm>) -> HttpResponse {
    let theme = Theme::from_word(&form.theme);
    let cookie = Cookie::build(THEME_COOKIE, theme.word())
        .path("/")
        .max_age(Days::days(365))
        .same_site(SameSite::Lax)
        .http_only(true)
        .secure(browser::is_secure(&visit))
        .finish();
    HttpResponse::SeeOther()
        .cookie(cookie)
        .insert_header(("Location", local(&form.back)))
        .finish()
}

/// A path of this console, or its start: never another site, however it is written.
pub(super) fn local(next: &str) -> &str {
    let second = next.chars().nth(1);
    let plain = next.starts_with('/')
        && !matches!(second, Some('/' | '\\'))
        && !next.chars().any(|each| each.is_control() || each == '\\');
    if plain { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn signing_in_leads_nowhere_else() {
        for hostile in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x",
            "/\t/evil",
        ] {
            assert_eq!(local(hostile), "/", "{hostile:?}");
        }
        assert_eq!(local("/t/jarvis/plans?x=1"), "/t/jarvis/plans?x=1");
    }
}
