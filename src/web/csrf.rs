//! Requests that change something must come from our own pages.
//!
//! The rule is that of Go's `http.CrossOriginProtection`: the browser says with `Sec-Fetch-Site` where a request comes
//! from; one that does not (plain http that is not localhost) says it with `Origin`, which then must be the public URL.
//! A request with neither is refused, unless it shows a token ([`super::bearer`]): no browser does that by itself, and its
//! cookies do not count.

use actix_web::ResponseError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;

use super::Shared;
use super::bearer::{self, Claim};
use super::error::PageError;

/// The middleware.
pub(super) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let claim = bearer::claim(request.headers());
    if claim == Claim::Garbled && !request.method().is_safe() {
        return Ok(request.into_response(PageError::Token.error_response()));
    }
    let safe = request.method().is_safe() || matches!(claim, Claim::Token(_));
    let ours = request
        .app_data::<Data<Shared>>()
        .map(|shared| shared.app.config.server.public_url.clone())
        .unwrap_or_default();
    let head = |name: &str| {
        request
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap_or("?").to_owned())
    };
    if safe
        || allowed(
            head("sec-fetch-site").as_deref(),
            head(header::ORIGIN.as_str()).as_deref(),
            &ours,
        )
    {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    tracing::warn!(http.path = request.path(), "cross-origin request refused");
    // A response, not an error: only responses pass the middleware that renders error pages.
    Ok(request.into_response(PageError::CrossOrigin.error_response()))
}

/// Whether a browser that sent these headers was on our own page.
fn allowed(site: Option<&str>, origin: Option<&str>, public_url: &str) -> bool {
    match (site, origin) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => url::Url::parse(public_url)
            .is_ok_and(|url| url.origin().ascii_serialization() == origin),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn only_our_own_pages_may_post() {
        let ours = "https://db.example.com/";
        for (site, origin, expected) in [
            (Some("same-origin"), None, true),
            (Some("none"), None, true),
            (Some("same-site"), Some("https://db.example.com"), false),
            (Some("cross-site"), Some("https://evil.example"), false),
            (None, Some("https://db.example.com"), true),
            (None, Some("https://db.example.com:8443"), false),
            (None, Some("http://db.example.com"), false),
            (None, Some("null"), false),
            (None, None, false),
            (Some(""), Some("https://db.example.com"), false),
        ] {
            assert_eq!(allowed(site, origin, ours), expected, "{site:?} {origin:?}");
        }
    }
}
