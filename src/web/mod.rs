//! The browser's door: server-rendered pages behind sign-in, complete without JavaScript.
//!
//! What must stay true: nothing but the health checks is answered under a foreign name (`arrival`); every route says who
//! may ask for it ([`access`]), and only the few in `routes::open_routes` are for everybody; every unsafe request passes `csrf`;
//! no handler holds SQL or opens a connection to a target; a `GET` changes nothing. Pages are plain structs in [`page`],
//! the handlers beside them here fill them from the chapters below.

pub mod access;
mod account;
mod approvals;
mod arrival;
mod asset;
mod backup;
mod backups;
mod bearer;
mod browser;
mod confirm;
mod contract;
mod csrf;
mod decision;
mod download;
mod drift;
mod error;
mod factor;
mod figures;
mod headers;
mod health;
mod history;
mod host;
mod job;
mod jobs;
mod join;
pub mod layout;
mod me;
mod notifications;
mod overview;
pub mod page;
mod peer;
mod plan;
mod plans;
mod program;
mod proof;
mod prose;
mod range;
mod record;
mod routes;
mod schedule;
mod settings;
mod sign_in;
mod sign_in_code;
mod statement;
mod subscription;
mod system;
mod target;
mod tokens;
mod users;
mod view;
mod visit;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_session::SessionMiddleware;
use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_web::cookie::time::Duration as Ttl;
use actix_web::cookie::{Key, SameSite};
use actix_web::dev::Server;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App as Actix, HttpServer, web};
use tokio_util::sync::CancellationToken;

use self::arrival::Arrivals;
use self::bearer::Refusals;
use crate::app::App;
use crate::app::figures::Figures;
use crate::app::watch::Watch;
use crate::job::feed::Feed;

/// What handlers share.
#[derive(Clone, Debug)]
struct Shared {
    app: App,
    watch: Watch,
    feed: Feed,
    /// What is recorded for a monitoring system, unless that is switched off.
    figures: Option<Figures>,
    /// What was recorded of tokens that are not good.
    refusals: Arc<Refusals>,
    /// How requests arrived that do not fit the settings.
    arrivals: Arrivals,
    /// Cancelled when the console stops: open streams end with it.
    stop: CancellationToken,
}

/// Binds the console's address and returns the server, which runs when it is awaited.
pub async fn serve(app: &App, stop: CancellationToken) -> io::Result<Server> {
    let listen = app.config.server.listen;
    let enabled = app.config.metrics.enabled;
    let figures = enabled.then(Figures::install).flatten();
    if let Some(figures) = figures.clone() {
        tokio::spawn(figures.upkeep(stop.clone()));
    }
    let shared = Shared {
        app: app.clone(),
        watch: Watch::new(app.clone()),
        feed: Feed::new(app.store.clone()),
        figures,
        refusals: Arc::default(),
        arrivals: Arrivals::default(),
        stop,
    };
    tokio::spawn(shared.feed.clone().run(shared.stop.clone()));
    let cookie_key = app
        .sessions()
        .cookie_key()
        .await
        .map_err(io::Error::other)?;
    let key = Key::derive_from(&cookie_key);
    let server = HttpServer::new(move || {
        let app = &shared.app;
        Actix::new()
            .app_data(web::Data::new(shared.clone()))
            .app_data(
                web::FormConfig::default()
                    .limit(64 * 1024)
                    .error_handler(error::bad_form),
            )
            .app_data(web::QueryConfig::default().error_handler(error::bad_query))
            .configure(routes::all)
            .default_service(web::route().to(error::not_found))
            .wrap(from_fn(csrf::guard))
            .wrap(from_fn(error::render))
            .wrap(session(app, key.clone()))
            .wrap(from_fn(bearer::alone))
            .wrap(Compress::default())
            .wrap(from_fn(arrival::guard))
            .wrap(headers::all(app))
            .wrap(from_fn(headers::log))
    })
    .workers(2)
    .disable_signals()
    .shutdown_timeout(4)
    .keep_alive(Duration::from_secs(30))
    .client_request_timeout(Duration::from_secs(10))
    .bind(listen)?
    .run();
    Ok(server)
}

/// The session cookie: `__Host-` and Secure over https, plain on http, which browsers treat as safe on localhost only.
fn session(app: &App, key: Key) -> SessionMiddleware<crate::auth::session::Sessions> {
    let secure = app.config.server.is_https();
    let hours = i64::from(app.config.auth.session_hours);
    SessionMiddleware::builder(app.sessions(), key)
        .cookie_name(
            if secure {
                "__Host-lockkeeper"
            } else {
                "lockkeeper"
            }
            .to_owned(),
        )
        .cookie_secure(secure)
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_path("/".to_owned())
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(PersistentSession::default().session_ttl(Ttl::hours(hours)))
        .build()
}
