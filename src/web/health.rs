//! Whether the console is up, for a proxy or a container engine. Says nothing about targets: a dead target is what the
//! console is for.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::Shared;

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> HttpResponse {
    told(StatusCode::OK, "ok\n")
}

/// `GET /readyz`: the store answers, so pages can be served.
pub(super) async fn ready(shared: web::Data<Shared>) -> HttpResponse {
    match shared.app.store.ping().await {
        Ok(()) => told(StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready: the store does not answer");
            told(
                StatusCode::SERVICE_UNAVAILABLE,
                "the store does not answer\n",
            )
        }
    }
}

fn told(status: StatusCode, word: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/plain; charset=utf-8")
        .body(word)
}
