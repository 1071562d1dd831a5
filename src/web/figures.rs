//! The figures for a monitoring system, and who may read them.
//!
//! They name targets and tell how much is going on, so they are not for everybody: with a token whoever shows it may
//! read, without one only a program on this machine. A monitoring system cannot sign in, so a refusal is one line of
//! text that says how to get in, never the sign-in page.

use std::net::IpAddr;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Shared;
use super::error::PageError;
use super::host::Host;
use super::peer::is_forwarding;

/// The text format, version 0.0.4.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`.
pub(super) async fn tell(
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, PageError> {
    let Some(figures) = &shared.figures else {
        return Err(PageError::NotFound("such page".to_owned()));
    };
    let settings = &shared.app.config.metrics;
    let refused = match &settings.token {
        Some(token) => without_token(&request, token),
        None => not_from_here(&request),
    };
    if let Some(refusal) = refused {
        return Ok(refusal);
    }
    let text = figures.tell(&shared.app, &shared.watch).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, FORMAT))
        .body(text))
}

/// The refusal of a request that does not show the token.
fn without_token(request: &HttpRequest, token: &SecretString) -> Option<HttpResponse> {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    // Hashes of equal length: how long the comparison takes tells neither the token nor its length.
    let hash = |text: &str| Sha256::digest(text.as_bytes());
    let right =
        given.is_some_and(|given| bool::from(hash(given).ct_eq(&hash(token.expose_secret()))));
    (!right).then(|| {
        HttpResponse::build(StatusCode::UNAUTHORIZED)
            .insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"metrics\""))
            .content_type("text/plain; charset=utf-8")
            .body("Send the token of [metrics] as `Authorization: Bearer TOKEN`.\n")
    })
}

/// The refusal of a request that does not come straight from a program on this machine.
fn not_from_here(request: &HttpRequest) -> Option<HttpResponse> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    // A page of another site that makes its own name lead here (DNS rebinding), and a proxy that passes the name on,
    // ask for another machine.
    let host = Host::of(request.head());
    let asks_for_here = host.is_some_and(|host| host.is_this_machine());
    let mut names = request.headers().keys().map(header::HeaderName::as_str);
    let here = peer.is_some_and(is_local) && asks_for_here && !names.any(is_forwarding);
    (!here).then(|| {
        HttpResponse::build(StatusCode::FORBIDDEN)
            .content_type("text/plain; charset=utf-8")
            .body(
                "Without a token the figures are told on this machine only, at a localhost address and not through a \
                 proxy. Set `token` or `token_file` in [metrics] and send it as `Authorization: Bearer TOKEN`.\n",
            )
    })
}

fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
