//! `/confirm`: proving again who one is, before a page or a file that asks for it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;

use super::error::PageError;
use super::page::confirm::ConfirmPage;
use super::proof::{Asking, Proof};
use super::sign_in::local;
use super::view;
use super::visit::SignedIn;

#[derive(Deserialize)]
pub(super) struct ConfirmQuery {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct ConfirmForm {
    #[serde(default)]
    next: String,
    confirm: Option<SecretString>,
}

/// `GET /confirm?next=…`.
pub(super) async fn form(who: SignedIn, query: web::Query<ConfirmQuery>) -> HttpResponse {
    if who.is_fresh() {
        return view::go(local(&query.next));
    }
    view::ok(&page(&who, &query.next))
}

/// `POST /confirm`.
pub(super) async fn prove(
    asking: Asking,
    form: web::Form<ConfirmForm>,
) -> Result<HttpResponse, PageError> {
    let form = form.into_inner();
    Ok(match asking.prove(form.confirm).await? {
        Proof::Given(_) => view::go(local(&form.next)),
        Proof::Wanting(who) => {
            let page = page(&who, &form.next);
            view::html(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    })
}

fn page(who: &SignedIn, next: &str) -> ConfirmPage {
    let next = local(next).to_owned();
    ConfirmPage {
        layout: who.layout("Is it you?"),
        // A file leaves this page where it is; from here one goes back to where the file was asked for.
        back: next
            .rsplit_once('/')
            .filter(|(_, last)| *last == "download")
            .and_then(|(rest, _)| rest.rsplit_once('/'))
            .map(|(list, _)| list.to_owned()),
        next,
    }
}
