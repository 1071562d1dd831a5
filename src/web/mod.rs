//! The browser's door: server-rendered pages behind sign-in, complete without JavaScript.
//!
//! What must stay true: every route but the few in `open_routes` is for signed-in users only; every unsafe request
//! passes `csrf`; no handler holds SQL or opens a connection to a target; a `GET` changes nothing. Pages are plain
//! structs in [`page`], the handlers beside them here fill them from the chapters below.

mod asset;
mod backups;
mod browser;
mod csrf;
mod error;
mod figures;
mod headers;
mod health;
mod history;
mod job;
mod jobs;
pub mod layout;
mod overview;
pub mod page;
mod plan;
mod plans;
mod record;
mod schedule;
mod settings;
mod sign_in;
mod target;
mod view;
mod visit;

use std::io;
use std::time::Duration;

use actix_session::SessionMiddleware;
use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_web::cookie::time::Duration as Ttl;
use actix_web::cookie::{Key, SameSite};
use actix_web::dev::Server;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App as Actix, HttpServer, Route, guard, web};
use tokio_util::sync::CancellationToken;

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
            .configure(routes)
            .default_service(web::route().to(error::not_found))
            .wrap(from_fn(csrf::guard))
            .wrap(from_fn(error::render))
            .wrap(session(app, key.clone()))
            .wrap(Compress::default())
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

/// The routes: the table of contents of the console.
fn routes(config: &mut web::ServiceConfig) {
    open_routes(config);
    config
        .route("/", get().to(overview::targets))
        .route("/logout", web::post().to(sign_in::logout))
        .route("/t/{target}", get().to(target::show))
        .route("/t/{target}/check", web::post().to(target::check))
        .route("/t/{target}/migrations", get().to(history::list))
        .route("/t/{target}/migrations/{name}", get().to(history::detail))
        .route("/t/{target}/plans", get().to(plans::list))
        .route("/t/{target}/plans", web::post().to(plans::make))
        .route("/t/{target}/plans/{id}", get().to(plans::detail))
        .route(
            "/t/{target}/plans/{id}/approve",
            web::post().to(plans::approve),
        )
        .route("/t/{target}/plans/{id}/apply", web::post().to(plans::apply))
        .route("/t/{target}/backups", get().to(backups::list))
        .route("/t/{target}/backups", web::post().to(backups::take))
        .route(
            "/t/{target}/backups/{id}/download",
            get().to(backups::download),
        )
        .route("/t/{target}/settings", get().to(settings::show))
        .configure(schedules)
        .route("/jobs", get().to(jobs::list))
        .route("/jobs/{id}", get().to(job::detail))
        .route("/jobs/{id}/log", get().to(job::log::download))
        .route("/jobs/{id}/events", get().to(job::live::events))
        .route("/jobs/{id}/events.json", get().to(job::live::poll))
        .route("/jobs/{id}/cancel", web::post().to(job::decide::cancel))
        .route(
            "/jobs/{id}/reconcile",
            web::post().to(job::decide::reconcile),
        )
        .route("/audit", get().to(record::list))
        .route("/audit.jsonl", get().to(record::export));
}

/// What is done with a schedule.
fn schedules(config: &mut web::ServiceConfig) {
    config
        .route(
            "/t/{target}/settings/schedules",
            web::post().to(settings::add),
        )
        .route(
            "/t/{target}/settings/schedules/{id}",
            get().to(schedule::show),
        )
        .route(
            "/t/{target}/settings/schedules/{id}",
            web::post().to(schedule::change),
        )
        .route(
            "/t/{target}/settings/schedules/{id}/pause",
            web::post().to(schedule::pause),
        )
        .route(
            "/t/{target}/settings/schedules/{id}/resume",
            web::post().to(schedule::resume),
        )
        .route(
            "/t/{target}/settings/schedules/{id}/run",
            web::post().to(schedule::run),
        )
        .route(
            "/t/{target}/settings/schedules/{id}/delete",
            web::post().to(schedule::delete),
        );
}

/// A route for GET, and for HEAD, whose answer is the same without its body.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// What anybody may ask for: signing in, the look, and whether the console is up. The figures have a door of their own.
fn open_routes(config: &mut web::ServiceConfig) {
    config
        .route("/setup", get().to(sign_in::setup_form))
        .route("/setup", web::post().to(sign_in::setup))
        .route("/login", get().to(sign_in::login_form))
        .route("/login", web::post().to(sign_in::login))
        .route("/theme", web::post().to(sign_in::theme))
        .route("/healthz", get().to(health::alive))
        .route("/readyz", get().to(health::ready))
        .route("/metrics", get().to(figures::tell))
        .route("/static/{hash}/{name}", get().to(asset::file));
}

/// The session cookie: `__Host-` and Secure over https, plain on http, which browsers treat as safe on localhost only.
fn session(app: &App, key: Key) -> SessionMiddleware<crate::auth::session::Sessions> {
    let secure = app.config.server.public_url.starts_with("https:");
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
