//! The cookie of a known browser: see [`device`].

use actix_web::HttpResponse;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use super::error::PageError;
use super::visit::Visit;
use crate::auth::device;
use crate::auth::user::User;

/// Whether browsers reach this console over https.
pub(super) fn is_secure(visit: &Visit) -> bool {
    visit.app().config.server.public_url.starts_with("https:")
}

/// The name of the cookie by which a browser is known again. It opens nothing.
pub(super) fn cookie_name(visit: &Visit) -> &'static str {
    if is_secure(visit) {
        "__Host-lockkeeper-browser"
    } else {
        "lockkeeper-browser"
    }
}

/// Knows the browser again from now on.
pub(super) async fn remember(
    visit: &Visit,
    known: Option<&str>,
    user: &User,
    response: &mut HttpResponse,
) -> Result<(), PageError> {
    let app = visit.app();
    let value = device::remember(&app.store, &app.clock, known, &user.id).await?;
    let cookie = Cookie::build(cookie_name(visit), value)
        .path("/")
        .max_age(Duration::days(device::DAYS))
        .same_site(SameSite::Lax)
        .http_only(true)
        .secure(is_secure(visit))
        .finish();
    response
        .add_cookie(&cookie)
        .map_err(|error| PageError::Internal(error.to_string()))
}
