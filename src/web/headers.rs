//! The headers of every response, and what is logged and counted of it.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::{DefaultHeaders, Next};
use actix_web::web::Data;

use super::{Shared, peer};
use crate::app::{App, figures};

/// Nothing is loaded from elsewhere, nothing runs that is not ours, nobody frames us; even our own script may not make
/// markup of strings (Trusted Types).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// What every response carries unless its handler said otherwise.
pub(super) fn all(app: &App) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::X_FRAME_OPTIONS, "DENY"))
        // `no-referrer` would also take the Origin from form posts, which csrf.rs needs.
        .add((header::REFERRER_POLICY, "same-origin"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add(("Cross-Origin-Resource-Policy", "same-origin"))
        .add((
            "Permissions-Policy",
            "camera=(), geolocation=(), microphone=()",
        ))
        .add((header::CACHE_CONTROL, "no-store"));
    // Never `includeSubDomains`: the other names of the domain are not ours to promise for.
    match app.config.server.hsts {
        0 => headers,
        seconds => headers.add((
            header::STRICT_TRANSPORT_SECURITY,
            format!("max-age={seconds}"),
        )),
    }
}

/// Logs each request by its path, never by its query: a setup token stands there once. Counts it by its route.
pub(super) async fn log(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.path().to_owned();
    let client = request
        .app_data::<Data<Shared>>()
        .and_then(|shared| peer::client(request.head(), &shared.app.config.server));
    let answered = next.call(request).await;
    let status = match &answered {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    let route = answered
        .as_ref()
        .ok()
        .and_then(|response| response.request().match_pattern());
    let took = began.elapsed();
    figures::answered(method.as_str(), route, status.as_u16(), took);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(
        http.method = method.as_str(),
        http.path = path,
        http.status = status.as_u16(),
        client.address = peer::name(client),
        duration_ms,
        "request"
    );
    answered
}
