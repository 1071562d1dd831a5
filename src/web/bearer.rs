//! Programs: requests with an API token, on the same routes as the pages.
//!
//! What must stay true: a request that shows a token is nobody else's, so its cookies are taken away before anything reads
//! them ([`alone`]), and a token that is not good does not fall back to them; browsers never send this header by
//! themselves, which is why such a request needs no other proof of where it comes from ([`super::csrf`]); a flood of wrong
//! tokens does not fill the audit ([`Refusals`]). What a program may do is its owner's to give at that moment; what
//! it is answered is in [`super::program`].

use std::collections::HashMap;
use std::sync::Mutex;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Next;

use super::access::Access;
use super::error::PageError;
use super::program::Program;
use super::visit::{SignedIn, Visit};
use crate::app::App;
use crate::audit;
use crate::auth::api_token::{self, Opened};
use crate::auth::policy;
use crate::auth::role::{self, Grants};
use crate::auth::session::SessionName;
use crate::store::StoreError;

/// The schemes that browsers answer by themselves, when a proxy in front of the console asks for them. They are not ours.
const OF_PROXIES: [&str; 4] = ["basic", "digest", "negotiate", "ntlm"];
/// How often the use of one token that is not good is recorded, in milliseconds.
const REFUSED_MS: i64 = 60_000;

/// What a request says about who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim<'a> {
    /// Nothing: it is a browser's.
    None,
    /// It shows a token.
    Token(&'a str),
    /// It tries to show one, and not as one is shown.
    Garbled,
}

/// Reads `Authorization`.
pub(super) fn claim(headers: &HeaderMap) -> Claim<'_> {
    let mut found = Claim::None;
    for value in headers.get_all(header::AUTHORIZATION) {
        let Ok(text) = value.to_str() else {
            return Claim::Garbled;
        };
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        let scheme = scheme.to_ascii_lowercase();
        if OF_PROXIES.contains(&scheme.as_str()) && !rest.is_empty() {
            continue;
        }
        let token = rest.trim();
        found = match found {
            Claim::None if scheme == "bearer" && !token.is_empty() => Claim::Token(token),
            _ => return Claim::Garbled,
        };
    }
    found
}

/// The middleware that takes the cookies from whoever shows a token, or tries to.
pub(super) async fn alone(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if claim(request.headers()) != Claim::None {
        request.headers_mut().remove(header::COOKIE);
    }
    next.call(request).await
}

/// Who shows this token, where tokens may be used.
pub(super) async fn who(
    access: Access,
    mut visit: Visit,
    secret: &str,
) -> Result<SignedIn, PageError> {
    let app = visit.app().clone();
    let (token, owner) = match api_token::open(&app.store, &app.clock, secret).await? {
        Opened::Good(token, owner) => (token, owner),
        Opened::Over(token, owner, why) => {
            let what = format!("{}, of {}: {why}", api_token::words(&token), owner.name);
            refused(&visit, &token.id, &what).await;
            return Err(PageError::Token);
        }
        Opened::Unknown => {
            refused(&visit, "", "a token that is not known here").await;
            return Err(PageError::Token);
        }
    };
    if matches!(access, Access::Person | Access::Own | Access::Console(_)) {
        return Err(PageError::PeopleOnly);
    }
    let all = role::of_user(&app.store, &owner.id).await?;
    let factor = app.factors.in_force(&owner.id).await?;
    // A token is no way around what its owner has to have.
    if !factor && policy::second_factor(&app.store).await?.covers(&all) {
        return Err(PageError::OwnerNeedsFactor);
    }
    let grants = token.narrow(&all);
    if let Err(error) = api_token::note_use(&app.store, &app.clock, &token, &visit.address).await {
        tracing::warn!(%error, "the use of a token could not be noted");
    }
    visit.user = Some(owner.clone());
    Ok(SignedIn {
        actor: token.actor(&owner),
        program: Some(Program::of(token)),
        visit,
        user: owner,
        grants,
        factor,
        wrong: None,
    })
}

/// What was recorded of tokens that are not good: when last, and how often since then it was not.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<String, (i64, u64)>>);

impl Refusals {
    /// Whether to record this one, and how many were not recorded since the last one that was. Tokens are told apart
    /// by `which`; all that are not known share the empty one, so that nobody can make this grow.
    fn count(&self, which: &str, now_ms: i64) -> Option<u64> {
        let mut counts = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match counts.get_mut(which) {
            Some((at, silent)) if now_ms - *at < REFUSED_MS => {
                *silent += 1;
                None
            }
            found => {
                let silent = found.map_or(0, |(_, silent)| *silent);
                counts.insert(which.to_owned(), (now_ms, 0));
                Some(silent)
            }
        }
    }
}

async fn refused(visit: &Visit, which: &str, what: &str) {
    let app = visit.app();
    let Some(silent) = visit.shared.refusals.count(which, app.clock.now_ms()) else {
        return;
    };
    let detail = match silent {
        0 => what.to_owned(),
        more => format!("{what}; {more} more times since the entry before"),
    };
    let entry = audit::Entry {
        actor: "somebody",
        action: "token.use",
        outcome: "refused",
        place: &visit.address,
        detail: &detail,
        ..audit::Entry::default()
    };
    if let Err(error) = audit::record_alone(&app.store, &app.clock, &entry).await {
        tracing::warn!(%error, "a refused token could not be recorded");
    }
}

/// What lets somebody go on with what they have begun: asked again as long as it lasts.
#[derive(Clone, Debug)]
pub(super) enum Pass {
    /// A session.
    Session(SessionName),
    /// The id of a token.
    Token(String),
}

impl Pass {
    /// The pass of whoever was let in.
    pub fn of(who: &SignedIn) -> Result<Self, PageError> {
        match &who.program {
            Some(program) => Ok(Self::Token(program.token_id().to_owned())),
            None => Ok(Self::Session(who.session_name()?)),
        }
    }

    /// What the user may do with it now; nothing once it is over.
    pub async fn grants(&self, app: &App, user: &str) -> Result<Grants, StoreError> {
        let grants = role::of_user(&app.store, user).await?;
        let kept = match self {
            Self::Session(name) => app.sessions().is_alive(name).await?.then_some(grants),
            Self::Token(id) => match api_token::again(&app.store, &app.clock, id).await? {
                Opened::Good(token, _) => Some(token.narrow(&grants)),
                Opened::Over(..) | Opened::Unknown => None,
            },
        };
        Ok(kept.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

    use super::{Claim, Refusals, claim};

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                AUTHORIZATION,
                HeaderValue::from_str(value).expect("a header"),
            );
        }
        headers
    }

    #[test]
    fn only_what_no_browser_sends_by_itself_is_a_token() {
        for (values, expected) in [
            (&[][..], Claim::None),
            (&["Basic YTpi"], Claim::None),
            (&["Negotiate YII"], Claim::None),
            (&["Bearer lk_1"], Claim::Token("lk_1")),
            (&["bearer  lk_1 "], Claim::Token("lk_1")),
            (&["Basic YTpi", "Bearer lk_1"], Claim::Token("lk_1")),
            (&["Bearer lk_1", "Bearer lk_1"], Claim::Garbled),
            (&["Bearer"], Claim::Garbled),
            (&["Bearer "], Claim::Garbled),
            (&["lk_1"], Claim::Garbled),
            (&["Token lk_1"], Claim::Garbled),
            (&["Basic"], Claim::Garbled),
            (&[""], Claim::Garbled),
        ] {
            assert_eq!(claim(&headers(values)), expected, "{values:?}");
        }
    }

    #[test]
    fn a_flood_of_wrong_tokens_is_one_entry_a_minute() {
        let refusals = Refusals::default();
        assert_eq!(refusals.count("", 0), Some(0));
        for ms in 1..1_000 {
            assert_eq!(refusals.count("", ms), None);
        }
        assert_eq!(
            refusals.count("old", 5),
            Some(0),
            "one that was good once is another"
        );
        assert_eq!(refusals.count("", 60_000), Some(999));
        assert_eq!(refusals.count("", 120_000), Some(0));
    }
}
