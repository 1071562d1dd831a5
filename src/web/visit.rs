//! Who is looking, and how: what every handler takes first.

use std::sync::Arc;

use actix_session::{Session, SessionExt};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::{LocalBoxFuture, Ready, ready};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::Shared;
use super::asset;
use super::error::PageError;
use super::layout::{Band, Layout, Message, Nav, Tab, Theme, Tone};
use super::peer;
use super::program::Program;
use super::view;
use crate::app::App;
use crate::audit;
use crate::auth::role::{EVERYWHERE, Grants, Permission};
use crate::auth::session::{self, STANDING_KEY, SessionName, Standing, USER_KEY};
use crate::auth::token;
use crate::auth::user::{self, User};
use crate::job::Operation;
use crate::job::queue::{By, Request};
use crate::operation::Trouble;
use crate::store::{StoreError, Tx};
use crate::target::Target;

/// What a form sends that does nothing but start a job.
#[derive(Deserialize)]
pub(super) struct StartForm {
    /// The page's [`Layout::key`].
    #[serde(default)]
    pub key: String,
}

/// The cookie that keeps the chosen colours.
pub(super) const THEME_COOKIE: &str = "theme";
const FLASH_KEY: &str = "flash";
const TOKEN_KEY: &str = "form_token";

/// One request of somebody, signed in or not.
#[derive(Clone)]
pub(super) struct Visit {
    pub shared: Data<Shared>,
    pub user: Option<User>,
    pub session: Session,
    pub theme: Theme,
    /// Path and query.
    pub path: String,
    /// The address that the visitor came from, as far as proxies are trusted to know it.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// What the store knows of the session; of one that is not stored yet, nothing.
    pub standing: Standing,
}

impl Visit {
    /// The visit of a request. `None` only where the server is not ours.
    pub async fn of(request: &HttpRequest) -> Option<Self> {
        let shared = request.app_data::<Data<Shared>>()?.clone();
        let session = request.get_session();
        let id: Option<String> = session.get(USER_KEY).unwrap_or_default();
        let user = match id {
            Some(id) => user::enabled(&shared.app.store, &id)
                .await
                .unwrap_or_default(),
            None => None,
        };
        let theme = request
            .cookie(THEME_COOKIE)
            .map_or(Theme::Auto, |cookie| Theme::from_word(cookie.value()));
        let agent = request.headers().get(header::USER_AGENT);
        let address = peer::name(peer::client(request.head(), &shared.app.config.server));
        Some(Self {
            shared,
            user,
            agent: agent
                .map(|agent| session::agent(&String::from_utf8_lossy(agent.as_bytes())))
                .unwrap_or_default(),
            standing: session
                .get(STANDING_KEY)
                .unwrap_or_default()
                .unwrap_or_default(),
            session,
            theme,
            path: request
                .uri()
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            address,
        })
    }

    pub fn app(&self) -> &App {
        &self.shared.app
    }

    /// A message for the next page.
    pub fn flash(&self, good: bool, text: &str) {
        if let Err(error) = self.session.insert(FLASH_KEY, (good, text)) {
            tracing::warn!(%error, "a message could not be kept for the next page");
        }
    }

    /// The layout of a page of this visit. Takes the message of the last form with it, which is shown once.
    pub fn layout(&self, title: &str) -> Layout {
        let flash: Option<(bool, String)> = match self.session.get(FLASH_KEY) {
            Ok(Some(flash)) => {
                self.session.remove(FLASH_KEY);
                Some(flash)
            }
            _ => None,
        };
        Layout {
            title: title.to_owned(),
            assets: asset::urls(),
            user: self.user.as_ref().map(|user| user.name.clone()),
            role: None,
            administers: false,
            approves: false,
            theme: self.theme,
            path: self.path.clone(),
            nav: Nav::None,
            crumbs: Vec::new(),
            target: None,
            flash: flash.map(|(good, text)| Message {
                tone: if good { Tone::Good } else { Tone::Bad },
                text,
                link: None,
            }),
            notices: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            key: self.app().clock.id(),
            refresh: None,
            confirm: None,
        }
    }
}

/// A signed-in visit that was let in ([`super::access`]). A handler that takes it cannot be reached otherwise.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub visit: Visit,
    pub user: User,
    /// What the user may do now; of a program: what its token leaves of that.
    pub grants: Grants,
    /// On whose behalf something is done, as jobs and the audit name them.
    pub actor: String,
    /// The token of a program; none for people.
    pub program: Option<Program>,
    /// Whether a second factor of theirs is in force.
    pub factor: bool,
    /// Why a proof that they gave in this request was not enough.
    pub wrong: Option<String>,
}

impl FromRequest for Visit {
    type Error = PageError;
    type Future = LocalBoxFuture<'static, Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            Self::of(&request)
                .await
                .ok_or_else(|| PageError::Internal("the server lost its state".to_owned()))
        })
    }
}

impl FromRequest for SignedIn {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let found = request.extensions().get::<Self>().cloned();
        // Nobody was let in where the route is open to everybody.
        ready(found.ok_or_else(|| PageError::Internal("an open route asks for a user".to_owned())))
    }
}

impl SignedIn {
    pub fn app(&self) -> &App {
        self.visit.app()
    }

    /// Who does something now, and from where, as the audit names them.
    pub fn by(&self) -> By<'_> {
        By {
            actor: &self.actor,
            place: &self.visit.address,
        }
    }

    /// What this session is called in the store, for whoever has to ask later whether it is still there.
    pub fn session_name(&self) -> Result<SessionName, PageError> {
        let name = Some(self.visit.standing.name.clone()).filter(|name| !name.is_empty());
        name.ok_or_else(|| PageError::Internal("a session has no name".to_owned()))
    }

    /// Records what they did about themselves. The caller commits.
    pub async fn record(&self, tx: &mut Tx, action: &str, detail: &str) -> Result<(), StoreError> {
        let entry = audit::Entry {
            actor: &self.user.name,
            action,
            outcome: "succeeded",
            place: &self.visit.address,
            detail,
            ..audit::Entry::default()
        };
        audit::record(tx, &self.app().clock, &entry).await
    }

    /// Refuses what the user may not do on a target. Where they may not even look, `what` is not there.
    pub fn may(&self, target: &str, permission: Permission, what: &str) -> Result<(), PageError> {
        match self.grants.on(target) {
            Some(role) if role.may(permission) => Ok(()),
            Some(_) => Err(self.forbidden(target, permission)),
            None => Err(PageError::NotFound(what.to_owned())),
        }
    }

    /// Refuses whoever may not decide policies there.
    pub fn manages(&self, target: &str) -> Result<(), PageError> {
        if self.grants.may(target, Permission::Manage) {
            return Ok(());
        }
        Err(self.forbidden(target, Permission::Manage))
    }

    /// What somebody is told who may look, but not do this.
    pub fn forbidden(&self, target: &str, permission: Permission) -> PageError {
        PageError::Forbidden {
            target: target.to_owned(),
            needs: permission.least(),
            has: self.grants.on(target),
        }
    }

    /// Puts an operation into the queue on behalf of whoever is signed in, who must have the permission that it declares.
    /// `key` is the one that the form carried; an empty one is none.
    pub async fn enqueue(&self, operation: &Operation, key: &str) -> Result<String, PageError> {
        let target = operation.target();
        self.may(target, operation.permission(), &format!("target {target}"))?;
        let by = self.by();
        let key = Some(key).filter(|key| !key.is_empty());
        let request = Request { operation, by, key };
        Ok(self.app().enqueue(&request).await?)
    }

    /// The target of that name, or not found.
    pub fn target(&self, name: &str) -> Result<Arc<Target>, PageError> {
        self.app()
            .target(name)
            .cloned()
            .ok_or_else(|| PageError::NotFound(format!("target {name}")))
    }

    /// Says to a program why what it sent could not be used; a person reads it on the page.
    pub fn explain(&self, trouble: &Trouble) {
        if let Some(program) = &self.program {
            program.explain(trouble);
        }
    }

    /// A layout for a page about `target`.
    pub fn layout_of(&self, title: &str, target: &Target, tab: Tab) -> Layout {
        Layout {
            nav: Nav::Targets,
            role: self.grants.on(&target.name),
            confirm: self.confirm(),
            administers: self.administers(),
            approves: self.approves(),
            target: Some(Band {
                name: target.name.clone(),
                environment: view::environment(target.environment),
                tab,
            }),
            ..self.visit.layout(title)
        }
    }

    /// Whether the user is an admin of the console itself.
    fn administers(&self) -> bool {
        self.grants.may(EVERYWHERE, Permission::Manage)
    }

    /// Whether the user may approve on some target.
    fn approves(&self) -> bool {
        let mut held = self.grants.iter();
        held.any(|(_, role)| role.may(Permission::Approve))
    }

    /// A layout for a page about no target in particular.
    pub fn layout(&self, title: &str) -> Layout {
        Layout {
            role: self.grants.on(EVERYWHERE),
            confirm: self.confirm(),
            administers: self.administers(),
            approves: self.approves(),
            ..self.visit.layout(title)
        }
    }

    /// A message for the next page.
    pub fn flash(&self, good: bool, text: &str) {
        if let Some(program) = &self.program {
            return program.say(good, text);
        }
        self.visit.flash(good, text);
    }

    /// The token that the destructive forms of this session carry; made when the first one is shown.
    pub fn form_token(&self) -> Result<String, PageError> {
        let failed =
            |error: actix_session::SessionInsertError| PageError::Internal(error.to_string());
        // A program has no session to keep it in, and sends the digest instead.
        if self.program.is_some() {
            return Ok(String::new());
        }
        if let Ok(Some(token)) = self.visit.session.get::<String>(TOKEN_KEY) {
            return Ok(token);
        }
        let fresh = token();
        self.visit
            .session
            .insert(TOKEN_KEY, &fresh)
            .map_err(failed)?;
        Ok(fresh)
    }

    /// Uses the token, once: whether the form is one that this session was shown and has not sent yet.
    pub fn use_form_token(&self, given: &str) -> bool {
        let kept = self.visit.session.remove_as::<String>(TOKEN_KEY);
        matches!(kept, Some(Ok(kept)) if bool::from(kept.as_bytes().ct_eq(given.as_bytes())))
    }
}
