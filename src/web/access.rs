//! Who may ask for what: every route says it where it is declared, and nothing is answered before it was checked.
//!
//! What must stay true: a route without an [`Access`] cannot be declared (`Routes::on` is the only way); what somebody
//! may not see reads as not being there; what they may see but not do names the role that it needs; who has to set up a
//! second factor first reaches nothing else. [`rules`] is the whole table, which the tests walk as everybody.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Handler, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::ServiceConfig;
use actix_web::{FromRequest, HttpMessage, HttpRequest, Responder, ResponseError, guard, web};

use super::bearer::{self, Claim};
use super::error::PageError;
use super::program;
use super::proof::Asking;
use super::visit::{SignedIn, Visit};
use crate::auth::{policy, role, role::EVERYWHERE, role::Permission};
use crate::job::queue;
use crate::notify::notification;

/// Who may ask for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody: signing in, the look of the pages, whether the console is up.
    Open,
    /// Whoever is signed in, about themselves: people, no programs.
    Person,
    /// Whoever is signed in, about what is theirs, once they have the second factor that they need.
    Own,
    /// Whoever is signed in; it tells only of what they may see.
    Listing,
    /// Whoever has the permission on the target that the path names.
    Target(Permission),
    /// Whoever has the permission on the target of the job that the path names.
    Job(Permission),
    /// Whoever has the permission on the target of the notification that the path names.
    Notification(Permission),
    /// Whoever has the permission everywhere: people, no programs.
    Console(Permission),
}

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads: GET, and HEAD, whose answer is the same without its body.
    Get,
    /// Changes something.
    Post,
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it does.
    pub verb: Verb,
    /// Its path, with the names of its variables in braces.
    pub path: &'static str,
    /// Who may ask for it.
    pub access: Access,
    /// Whether they have to have proven lately who they are.
    pub proof: bool,
}

/// Where routes are declared: the server, or the table.
pub(super) trait Routes {
    /// Declares a route.
    fn on<F, Args>(&mut self, rule: Rule, handler: F) -> &mut Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static;

    /// Declares one that reads.
    fn read<F, Args>(&mut self, path: &'static str, access: Access, handler: F) -> &mut Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Rule::new(Verb::Get, path, access, false), handler)
    }

    /// Declares one that reads what is to be handed to nobody else: it leads to `/confirm` when the last proof is too old.
    fn read_proven<F, Args>(&mut self, path: &'static str, access: Access, handler: F) -> &mut Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Rule::new(Verb::Get, path, access, true), handler)
    }

    /// Declares one that changes something.
    fn change<F, Args>(&mut self, path: &'static str, access: Access, handler: F) -> &mut Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Rule::new(Verb::Post, path, access, false), handler)
    }

    /// Declares one that does what is dangerous: its handler takes an [`Asking`] and asks for a proof.
    fn change_proven<F, Args>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: F,
    ) -> &mut Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Rule::new(Verb::Post, path, access, true), handler)
    }
}

impl Rule {
    fn new(verb: Verb, path: &'static str, access: Access, proof: bool) -> Self {
        Self {
            verb,
            path,
            access,
            proof,
        }
    }

    /// Who may ask for it, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let who = self.access.words();
        if self.proof {
            format!("{who}; asks again who they are")
        } else {
            who
        }
    }
}

impl Routes for ServiceConfig {
    fn on<F, Args>(&mut self, rule: Rule, handler: F) -> &mut Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = match rule.verb {
            Verb::Get => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
            Verb::Post => web::post(),
        };
        let check = from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
            let_in(rule, request, next)
        });
        self.route(rule.path, route.to(handler).wrap(check))
    }
}

impl Access {
    /// Who that is, for people.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Open => "anybody".to_owned(),
            Self::Person => "whoever is signed in, about themselves".to_owned(),
            Self::Own => "whoever is signed in, about what is theirs".to_owned(),
            Self::Listing => "whoever is signed in; it tells only of what they may see".to_owned(),
            Self::Target(permission) => format!("{} on the target", permission.least().word()),
            Self::Job(permission) => {
                format!("{} on the target of the job", permission.least().word())
            }
            Self::Notification(permission) => {
                let least = permission.least().word();
                format!("{least} on the target of the notification")
            }
            Self::Console(permission) => format!("{} everywhere", permission.least().word()),
        }
    }
}

impl Verb {
    /// The method.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// Every route of the console.
#[must_use]
pub fn rules() -> Vec<Rule> {
    let mut table = Table(Vec::new());
    super::routes::all(&mut table);
    table.0
}

struct Table(Vec<Rule>);

impl Routes for Table {
    fn on<F, Args>(&mut self, rule: Rule, _handler: F) -> &mut Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.0.push(rule);
        self
    }
}

/// The check before every handler. What it finds out is the handler's to use: [`SignedIn`].
async fn let_in(
    rule: Rule,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if rule.access == Access::Open {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    match check(rule, request.request()).await {
        Ok(who) => {
            let asking = who.program.clone();
            // A handler that has to ask finds nobody to act for until it has.
            if rule.proof && rule.verb == Verb::Post {
                request.extensions_mut().insert(Asking::of(who));
            } else {
                request.extensions_mut().insert(who);
            }
            let response = next.call(request).await?.map_into_boxed_body();
            Ok(match asking {
                Some(asking) => program::answer(&asking, response),
                None => response,
            })
        }
        // A response, not an error: only responses pass the middleware that renders error pages.
        Err(error) => Ok(request.into_response(error.error_response())),
    }
}

async fn check(rule: Rule, request: &HttpRequest) -> Result<SignedIn, PageError> {
    let visit = Visit::of(request)
        .await
        .ok_or_else(|| PageError::Internal("the server lost its state".to_owned()))?;
    let who = match bearer::claim(request.headers()) {
        Claim::None => person(rule.access, visit, request).await?,
        Claim::Token(secret) => bearer::who(rule.access, visit, secret).await?,
        Claim::Garbled => return Err(PageError::Token),
    };
    let store = who.app().store.clone();
    let part = |name| request.match_info().get(name).unwrap_or_default();
    match rule.access {
        Access::Open | Access::Person | Access::Own | Access::Listing => {}
        Access::Target(permission) => {
            let target = part("target");
            who.may(target, permission, &format!("target {target}"))?;
        }
        Access::Job(permission) => {
            let what = "job of that id";
            let job = queue::get(&store, part("id")).await?;
            let job = job.ok_or_else(|| PageError::NotFound(what.to_owned()))?;
            who.may(job.operation.target(), permission, what)?;
        }
        Access::Notification(permission) => {
            let what = "notification of that id";
            let found = notification::get(&store, part("id")).await?;
            let found = found.ok_or_else(|| PageError::NotFound(what.to_owned()))?;
            who.may(&found.target, permission, what)?;
        }
        Access::Console(permission) => {
            if !who.grants.may(EVERYWHERE, permission) {
                return Err(who.forbidden(EVERYWHERE, permission));
            }
        }
    }
    if rule.proof && rule.verb == Verb::Get && !who.is_fresh() {
        return Err(PageError::Confirm(who.visit.path));
    }
    Ok(who)
}

/// Whoever is signed in.
async fn person(
    access: Access,
    visit: Visit,
    request: &HttpRequest,
) -> Result<SignedIn, PageError> {
    let Some(user) = visit.user.clone() else {
        // A form that was posted without a session cannot be repeated by going back to its path.
        let is_safe = request.method().is_safe();
        return Err(PageError::SignIn(if is_safe {
            visit.path
        } else {
            "/".to_owned()
        }));
    };
    let store = visit.app().store.clone();
    let grants = role::of_user(&store, &user.id).await?;
    let factor = visit.app().factors.in_force(&user.id).await?;
    // What a page asks for by itself is no use of the session: one that nobody looks at ends.
    let last = request.path().rsplit('/').next();
    if !matches!(last, Some("events" | "events.json")) {
        let (sessions, standing) = (visit.app().sessions(), &visit.standing);
        sessions
            .seen(standing, &visit.address, &visit.agent)
            .await?;
    }
    if !factor && access != Access::Person && policy::second_factor(&store).await?.covers(&grants) {
        return Err(PageError::NeedsFactor);
    }
    Ok(SignedIn {
        actor: user.name.clone(),
        program: None,
        visit,
        user,
        grants,
        factor,
        wrong: None,
    })
}

#[cfg(test)]
mod tests {
    use super::rules;

    #[test]
    fn the_routes_are_those_of_the_document() {
        let document = include_str!("../../docs/routes.md");
        let written: Vec<&str> = document
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let declared: Vec<String> = rules()
            .iter()
            .map(|rule| {
                let (verb, who) = (rule.verb.word(), rule.words());
                format!("| `{verb} {}` | {who} |", rule.path)
            })
            .collect();
        assert_eq!(
            written,
            declared,
            "docs/routes.md is to say:\n{}",
            declared.join("\n")
        );
    }
}
