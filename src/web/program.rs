//! What programs are answered on the routes of the pages: JSON where a browser is led on, shown a form again, or told why not.
//!
//! What must stay true: a handler does the same for both, and need not know who asks; nothing is kept between two requests
//! of a program.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::bearer::{Claim, claim};
use crate::auth::api_token::ApiToken;
use crate::operation::Trouble;

/// The token with which a request was let in, and what its handler had to say.
#[derive(Clone, Debug)]
pub(super) struct Program {
    token: ApiToken,
    said: Rc<RefCell<Option<Said>>>,
}

#[derive(Clone, Debug)]
enum Said {
    Done(String),
    Refused(Trouble),
}

impl Program {
    /// The program that shows this token.
    pub fn of(token: ApiToken) -> Self {
        let said = Rc::default();
        Self { token, said }
    }

    /// The id of the token.
    pub fn token_id(&self) -> &str {
        &self.token.id
    }

    /// What a page would say after a form.
    pub fn say(&self, good: bool, text: &str) {
        let said = if good {
            Said::Done(text.to_owned())
        } else {
            Said::Refused(Trouble::new(
                text,
                "Nothing was changed.",
                "Look at what there is now, and ask again.",
            ))
        };
        self.said.replace(Some(said));
    }

    /// Why a form could not be used.
    pub fn explain(&self, trouble: &Trouble) {
        self.said.replace(Some(Said::Refused(trouble.clone())));
    }
}

/// What a program is answered where a browser is led to another page, or shown a form again.
pub(super) fn answer(
    program: &Program,
    response: ServiceResponse<BoxBody>,
) -> ServiceResponse<BoxBody> {
    let said = program.said.borrow_mut().take();
    let status = response.status();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let answer = match (status, said) {
        (StatusCode::SEE_OTHER, Some(Said::Refused(trouble))) => {
            failure(StatusCode::CONFLICT, &trouble)
        }
        (StatusCode::SEE_OTHER, said) => done(response.headers(), said),
        (status, said) if status.is_client_error() && is_page => {
            let trouble = match said {
                Some(Said::Refused(trouble)) => trouble,
                _ => Trouble::new(
                    "The fields of the request are not as they must be.",
                    "Nothing was changed.",
                    "Compare them with those of the form on the page of this address.",
                ),
            };
            failure(status, &trouble)
        }
        _ => return response,
    };
    response.into_response(answer)
}

/// The job that was started, or what was done.
fn done(headers: &HeaderMap, said: Option<Said>) -> HttpResponse {
    let place = headers.get(header::LOCATION);
    let place = place
        .and_then(|place| place.to_str().ok())
        .unwrap_or_default();
    if let Some(job) = place.strip_prefix("/jobs/") {
        let events = format!("{place}/events.json");
        return HttpResponse::Accepted().json(json!({"job": job, "url": place, "events": events}));
    }
    let text = match said {
        Some(Said::Done(text)) => text,
        _ => "Done.".to_owned(),
    };
    HttpResponse::Ok().json(json!({"done": text}))
}

/// A failure as programs read it.
fn failure(status: StatusCode, trouble: &Trouble) -> HttpResponse {
    let Trouble {
        what, data, next, ..
    } = trouble;
    let mut response = HttpResponse::build(status)
        .json(json!({"error": {"what": what, "data": data, "next": next}}));
    if status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

/// A failure as a program reads it, when a program asked.
pub(super) fn told(
    request: &HttpRequest,
    status: StatusCode,
    trouble: &Trouble,
) -> Option<HttpResponse> {
    (claim(request.headers()) != Claim::None).then(|| failure(status, trouble))
}
