//! The browser's door: server-rendered pages behind sign-in, complete without JavaScript.
//!
//! What must stay true: nothing but the health checks is answered under a foreign name (`arrival`); every route says who
//! may ask for it ([`access`]), and only the few in `open_routes` are for everybody; every unsafe request passes `csrf`;
//! no handler holds SQL or opens a connection to a target; a `GET` changes nothing. Pages are plain structs in [`page`],
//! the handlers beside them here fill them from the chapters below.

pub mod access;
mod account;
mod arrival;
mod asset;
mod backups;
mod bearer;
mod browser;
mod confirm;
mod csrf;
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
mod record;
mod schedule;
mod settings;
mod sign_in;
mod sign_in_code;
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

use self::access::Access::{Console, Job, Listing, Notification, Open, Person, Target};
use self::access::Routes;
use self::arrival::Arrivals;
use self::bearer::Refusals;
use crate::app::App;
use crate::app::figures::Figures;
use crate::app::watch::Watch;
use crate::auth::role::Permission::{Approve, Change, Download, Manage, Operate, View};
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
            .configure(routes)
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

/// The routes: the table of contents of the console, and who may ask for what.
fn routes(config: &mut impl Routes) {
    open_routes(config);
    config
        .read("/", Listing, overview::targets)
        .change("/logout", Person, sign_in::logout)
        .read("/t/{target}", Target(View), target::show)
        .change("/t/{target}/check", Target(Operate), target::check)
        .read("/t/{target}/migrations", Target(View), history::list)
        .read(
            "/t/{target}/migrations/{name}",
            Target(View),
            history::detail,
        )
        .read("/t/{target}/plans", Target(View), plans::list)
        .change("/t/{target}/plans", Target(Operate), plans::make)
        .read("/t/{target}/plans/{id}", Target(View), plans::detail)
        .change_proven(
            "/t/{target}/plans/{id}/approve",
            Target(Approve),
            plans::approve,
        )
        .change_proven("/t/{target}/plans/{id}/apply", Target(Change), plans::apply)
        .read("/t/{target}/backups", Target(View), backups::list)
        .change("/t/{target}/backups", Target(Operate), backups::take)
        .read_proven(
            "/t/{target}/backups/{id}/download",
            Target(Download),
            backups::download,
        )
        .read("/t/{target}/settings", Target(View), settings::show)
        .change(
            "/t/{target}/settings/second-factor",
            Target(Manage),
            settings::require_factor,
        )
        .read("/jobs", Listing, jobs::list)
        .read("/audit", Listing, record::list)
        .read("/audit.jsonl", Listing, record::export);
    job_routes(config);
    schedule_routes(config);
    people_routes(config);
    subscription_routes(config);
    place_routes(config);
    person_routes(config);
}

/// What somebody does about themselves. Whoever has to set up a second factor first reaches these, and nothing else.
fn person_routes(config: &mut impl Routes) {
    config
        .read("/me", Person, me::show)
        .change("/me/sessions/end", Person, me::end)
        .change("/me/sessions/end-others", Person, me::end_others)
        .change_proven("/me/password", Person, me::change_password)
        .read("/me/factor", Person, factor::show)
        .change_proven("/me/factor/begin", Person, factor::begin)
        .read("/me/factor/new", Person, factor::new)
        .change("/me/factor/new", Person, factor::confirm)
        .change_proven("/me/factor/remove", Person, factor::remove)
        .change_proven("/me/factor/codes", Person, factor::renew_codes)
        .read("/me/factor/codes", Person, factor::codes)
        .read("/me/factor/codes.txt", Person, factor::codes_text)
        .change("/me/factor/codes/kept", Person, factor::kept)
        .read("/confirm", Person, confirm::form)
        .change_proven("/confirm", Person, confirm::prove);
}

/// One job.
fn job_routes(config: &mut impl Routes) {
    config
        .read("/jobs/{id}", Job(View), job::detail)
        .read("/jobs/{id}/log", Job(View), job::log::download)
        .read("/jobs/{id}/events", Job(View), job::live::events)
        .read("/jobs/{id}/events.json", Job(View), job::live::poll)
        .change("/jobs/{id}/cancel", Job(Operate), job::decide::cancel)
        .change("/jobs/{id}/reconcile", Job(Change), job::decide::reconcile);
}

/// What is done with a schedule.
fn schedule_routes(config: &mut impl Routes) {
    let manage = Target(Manage);
    config
        .change("/t/{target}/settings/schedules", manage, settings::add)
        .read(
            "/t/{target}/settings/schedules/{id}",
            manage,
            schedule::show,
        )
        .change(
            "/t/{target}/settings/schedules/{id}",
            manage,
            schedule::change,
        )
        .change(
            "/t/{target}/settings/schedules/{id}/pause",
            manage,
            schedule::pause,
        )
        .change(
            "/t/{target}/settings/schedules/{id}/resume",
            manage,
            schedule::resume,
        )
        .change(
            "/t/{target}/settings/schedules/{id}/run",
            Target(Operate),
            schedule::run,
        )
        .change(
            "/t/{target}/settings/schedules/{id}/delete",
            manage,
            schedule::delete,
        );
}

/// Who the users are, and the tokens of everybody's programs.
fn people_routes(config: &mut impl Routes) {
    let manage = Console(Manage);
    config
        .read("/users", manage, users::list)
        .change("/users", manage, users::add)
        .read("/users/{id}", manage, account::show)
        .change("/users/{id}/roles", manage, account::set_role)
        .change("/users/{id}/link", manage, account::link)
        .change("/users/{id}/disable", manage, account::disable)
        .change("/users/{id}/enable", manage, account::enable)
        .change("/users/{id}/reset-factor", manage, account::reset_factor)
        .change("/users/{id}/tokens/{token}/revoke", manage, account::revoke)
        .read("/tokens", Person, tokens::list)
        .change("/tokens", Person, tokens::make)
        .change("/tokens/{id}/revoke", Person, tokens::revoke);
}

/// The installation itself.
fn place_routes(config: &mut impl Routes) {
    config.read("/system", Console(Manage), system::show);
}

/// Who is told of what, and what they were told.
fn subscription_routes(config: &mut impl Routes) {
    let manage = Target(Manage);
    config
        .read("/notifications", Listing, notifications::list)
        .change(
            "/notifications/{id}/again",
            Notification(Operate),
            notifications::again,
        )
        .change(
            "/t/{target}/settings/backup-age",
            manage,
            subscription::set_backup_age,
        )
        .change(
            "/t/{target}/settings/notifications",
            manage,
            subscription::add,
        )
        .read(
            "/t/{target}/settings/notifications/{id}",
            manage,
            subscription::show,
        )
        .change(
            "/t/{target}/settings/notifications/{id}",
            manage,
            subscription::change,
        )
        .change(
            "/t/{target}/settings/notifications/{id}/remove",
            manage,
            subscription::remove,
        )
        .change(
            "/t/{target}/settings/notifications/{id}/test",
            manage,
            subscription::test,
        );
}

/// What anybody may ask for: signing in, the look, and whether the console is up. The figures have a door of their own.
fn open_routes(config: &mut impl Routes) {
    config
        .read("/setup", Open, sign_in::setup_form)
        .change("/setup", Open, sign_in::setup)
        .read("/login", Open, sign_in::login_form)
        .change("/login", Open, sign_in::login)
        .read("/login/code", Open, sign_in_code::form)
        .change("/login/code", Open, sign_in_code::check)
        .change("/theme", Open, sign_in::theme)
        .read("/healthz", Open, health::alive)
        .read("/readyz", Open, health::ready)
        .read("/metrics", Open, figures::tell)
        .read("/static/{hash}/{name}", Open, asset::file);
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
