//! What a person sees when a request cannot be answered.
//!
//! The policy: a handler returns a [`PageError`] by meaning. What the person needs stands in its three sentences; what
//! an operator needs is logged here, once. The page itself is rendered by [`render`], a middleware, because only the
//! request knows who is looking and in which colours, or that it is a program. A session that is missing is no error: it leads to signing in.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{QueryPayloadError, UrlencodedError};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::layout::Link;
use super::page::error::ErrorPage;
use super::page::trouble::TroubleBox;
use super::program;
use super::view;
use super::visit::Visit;
use crate::app::proof;
use crate::auth::factor::FactorError;
use crate::auth::factor::key::KeyError;
use crate::auth::role::{EVERYWHERE, Role};
use crate::operation::Trouble;
use crate::store::StoreError;

/// Why a request cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// Nobody is signed in; the path leads back after signing in.
    #[error("not signed in")]
    SignIn(String),
    /// They have to prove who they are again; the path leads back after that.
    #[error("a proof is needed")]
    Confirm(String),
    /// They have to set up a second factor before they reach anything else.
    #[error("a second factor is needed")]
    NeedsFactor,
    /// They gave too many wrong passwords or codes, and their session has ended.
    #[error("too many wrong passwords or codes")]
    TooManyTries,
    /// Second factors cannot be read.
    #[error("{0}")]
    Factor(Trouble),
    /// There is no such thing.
    #[error("not found: {0}")]
    NotFound(String),
    /// They may look, but not do this.
    #[error("not allowed on {target}: {needs:?} is needed")]
    Forbidden {
        /// The target, or [`EVERYWHERE`].
        target: String,
        /// The least powerful role that may.
        needs: Role,
        /// What they are there.
        has: Option<Role>,
    },
    /// What was shown as a token is none that is good.
    #[error("no token that is good")]
    Token,
    /// A program asked for what is for people.
    #[error("for people only")]
    PeopleOnly,
    /// Whose token it is has to set up a second factor first.
    #[error("the owner of the token needs a second factor")]
    OwnerNeedsFactor,
    /// The request came from another site's page.
    #[error("cross-origin request")]
    CrossOrigin,
    /// The form or the query could not be read.
    #[error("bad request: {0}")]
    Bad(String),
    /// The form holds more than any form of ours.
    #[error("the form is too large")]
    TooLarge,
    /// The target, and what is wrong with it.
    #[error("{0}")]
    Target(Trouble),
    /// Lockkeeper itself failed.
    #[error("internal error: {0}")]
    Internal(String),
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<KeyError> for PageError {
    fn from(error: KeyError) -> Self {
        tracing::error!(%error, "second factors cannot be read");
        Self::Factor(proof::trouble(&error))
    }
}

impl From<FactorError> for PageError {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::Key(error) => error.into(),
            FactorError::Store(error) => error.into(),
        }
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn(_) | Self::Confirm(_) | Self::NeedsFactor => StatusCode::SEE_OTHER,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. }
            | Self::PeopleOnly
            | Self::OwnerNeedsFactor
            | Self::CrossOrigin
            | Self::TooManyTries => StatusCode::FORBIDDEN,
            Self::Factor(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Target(_) => StatusCode::BAD_GATEWAY,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let leads = |to: &str, path: &str| {
            let next = url::form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>();
            view::go(&format!("{to}?next={next}"))
        };
        match self {
            Self::SignIn(path) => return leads("/login", path),
            Self::Confirm(path) => return leads("/confirm", path),
            Self::NeedsFactor => return view::go("/me/factor"),
            _ => {}
        }
        if let Self::Internal(reason) = self {
            tracing::error!(reason, "a request failed");
        }
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(self.explain());
        response
    }
}

impl PageError {
    fn explain(&self) -> Trouble {
        match self {
            Self::SignIn(_) => {
                Trouble::new("Nobody is signed in.", "Nothing was changed.", "Sign in.")
            }
            Self::Confirm(_) | Self::NeedsFactor => Trouble::new(
                "Something has to be proven or set up first.",
                "Nothing was changed.",
                "Follow the page that this leads to.",
            ),
            Self::TooManyTries => Trouble::new(
                "Too many wrong passwords or codes were given in a row, so this session has ended.",
                "Nothing was changed.",
                "Sign in again, and repeat what you were about to do.",
            ),
            Self::NotFound(what) => Trouble::new(
                format!("There is no {what} here."),
                "Nothing was changed. If it was here before, it may have been renamed in the configuration or removed.",
                "Go back to the targets and look for it there.",
            ),
            Self::Forbidden { target, needs, has } => Trouble::new(
                forbidden(target, *needs, *has),
                "Nothing was changed.",
                "Ask an admin of this console for the role, or somebody who has it to do this.",
            ),
            Self::Token => Trouble::new(
                "The Authorization header does not show a token that is good.",
                "Nothing was changed.",
                "Send it as `Authorization: Bearer lk_…`. If it is sent so, it was revoked or has expired, or its owner \
                 is disabled: make another one at /tokens.",
            ),
            Self::PeopleOnly => Trouble::new(
                "A token does not reach this: it is for people who have signed in.",
                "Nothing was changed.",
                "Do it in the browser.",
            ),
            Self::OwnerNeedsFactor => Trouble::new(
                "The owner of this token needs a second factor, and has none yet.",
                "Nothing was changed.",
                "Whoever made the token signs in and sets one up at /me/factor; then the token works again.",
            ),
            Self::CrossOrigin => Trouble::new(
                "This request did not come from a page of this console, so it was refused.",
                "Nothing was changed.",
                "Open the console at its own address and do it there. If you are there already, server.public_url in \
                 lockkeeper.toml has to be the address in your browser.",
            ),
            Self::Bad(reason) => Trouble::new(
                format!("The request could not be read: {reason}."),
                "Nothing was changed.",
                "Go back, load the page again, and repeat it.",
            ),
            Self::TooLarge => Trouble::new(
                "The form holds more than can be taken in.",
                "Nothing was changed.",
                "Go back and write less: 64 kB is the most that a form may hold.",
            ),
            Self::Target(trouble) | Self::Factor(trouble) => trouble.clone(),
            Self::Internal(_) => Trouble::new(
                "Lockkeeper itself could not answer.",
                "Whatever you asked for was not started. Jobs that run go on.",
                "Try again. The reason is in the console's log; `lockkeeper doctor` looks for the usual ones.",
            ),
        }
    }
}

fn forbidden(target: &str, needs: Role, has: Option<Role>) -> String {
    let place = match target {
        EVERYWHERE => "everywhere".to_owned(),
        target => format!("on {target}"),
    };
    let needs = needs.word();
    match has {
        Some(has) => format!(
            "This takes the role {needs} {place}; you are {} there.",
            has.word()
        ),
        None => format!("This takes the role {needs} {place}; you have none there."),
    }
}

/// The middleware that turns an explained failure into a page.
pub(super) async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let response = match next.call(request).await {
        Ok(response) => response.map_into_boxed_body(),
        // Without the request there is no page to render; the only such errors are those of the server itself.
        Err(error) => return Err(error),
    };
    let explained = response.response().extensions().get::<Trouble>().cloned();
    let Some(trouble) = explained else {
        return Ok(response);
    };
    let status = response.status();
    let request = response.request().clone();
    let page = match program::told(&request, status, &trouble) {
        Some(answer) => answer,
        None => page(&request, status, trouble).await,
    };
    Ok(response.into_response(page).map_into_boxed_body())
}

async fn page(request: &HttpRequest, status: StatusCode, trouble: Trouble) -> HttpResponse {
    let Some(visit) = Visit::of(request).await else {
        return HttpResponse::build(status)
            .content_type("text/plain; charset=utf-8")
            .body(trouble.what);
    };
    let reason = status.canonical_reason().unwrap_or("Error").to_owned();
    let mut links = vec![Link::new("All targets", "/")];
    if visit.user.is_none() {
        links = vec![Link::new("Sign in", "/login")];
    }
    let page = ErrorPage {
        layout: visit.layout(&reason),
        status: status.as_u16(),
        reason,
        trouble: TroubleBox::from(&trouble),
        links,
        request: None,
    };
    view::html(status, &page)
}

/// Any path that is not in the table of contents.
pub(super) async fn not_found() -> Result<HttpResponse, PageError> {
    Err(PageError::NotFound("such page".to_owned()))
}

/// A form that cannot be read.
pub(super) fn bad_form(error: UrlencodedError, _request: &HttpRequest) -> actix_web::Error {
    match error {
        UrlencodedError::Overflow { .. } => PageError::TooLarge,
        other => PageError::Bad(other.to_string()),
    }
    .into()
}

/// A query that cannot be read.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that actix-web asks for"
)]
pub(super) fn bad_query(error: QueryPayloadError, _request: &HttpRequest) -> actix_web::Error {
    PageError::Bad(error.to_string()).into()
}
