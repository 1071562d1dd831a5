//! From the chapters' values to those of the pages. Nothing is decided here.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

use super::layout::Environment;
use super::page::code::{Line, Span, Token};
use super::page::jobs::{JobRow, JobState};
use super::page::measure::Millis;
use super::page::plans::Verdict;
use super::page::trouble::TroubleBox;
use super::page::when::When;
use crate::config::TargetEnvironment;
use crate::guard;
use crate::job::queue::{Job, State};
use crate::operation::Trouble;
use crate::sql::{self, TokenKind};

/// A page as a response.
pub(super) fn html(status: StatusCode, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(body) => HttpResponse::build(status)
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .body(body),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError()
                .content_type("text/plain; charset=utf-8")
                .body("This page could not be rendered. Nothing was changed.")
        }
    }
}

/// A page that went well.
pub(super) fn ok(page: &impl Template) -> HttpResponse {
    html(StatusCode::OK, page)
}

/// To another page after a form.
pub(super) fn go(path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, path))
        .finish()
}

impl From<&Trouble> for TroubleBox {
    fn from(trouble: &Trouble) -> Self {
        Self::new(&trouble.what, &trouble.data, &trouble.next)
    }
}

pub(super) fn environment(environment: TargetEnvironment) -> Environment {
    match environment {
        TargetEnvironment::Production => Environment::Production,
        TargetEnvironment::Staging => Environment::Staging,
        TargetEnvironment::Development => Environment::Development,
    }
}

pub(super) fn verdict(verdict: guard::Verdict) -> Verdict {
    match verdict {
        guard::Verdict::Safe => Verdict::Safe,
        guard::Verdict::Caution => Verdict::Caution,
        guard::Verdict::Destructive => Verdict::Destructive,
    }
}

pub(super) fn job_state(state: State) -> JobState {
    match state {
        State::Scheduled => JobState::Scheduled,
        State::Queued => JobState::Queued,
        State::Running => JobState::Running,
        State::Succeeded => JobState::Succeeded,
        State::Failed => JobState::Failed,
        State::Cancelled => JobState::Cancelled,
        State::Interrupted => JobState::Interrupted,
    }
}

pub(super) fn job_row(job: &Job, now_ms: i64) -> JobRow {
    JobRow {
        id: job.id.clone(),
        state: job_state(job.state),
        operation: job.operation.words().to_owned(),
        target: job.operation.target().to_owned(),
        actor: job.actor.clone(),
        run_at: (job.state == State::Scheduled)
            .then_some(job.run_at)
            .flatten()
            .map(When::at),
        started_at: job.started_at.map(When::at),
        took: took(job, now_ms),
    }
}

/// How long a job took, or has taken; nobody knows that of an interrupted one.
pub(super) fn took(job: &Job, now_ms: i64) -> Option<Millis> {
    if job.state == State::Interrupted {
        return None;
    }
    job.started_at
        .map(|began| Millis(job.ended_at.unwrap_or(now_ms) - began))
}

/// A script with its tokens coloured.
pub(super) fn code(script: &str) -> Vec<Line> {
    sql::highlight(script)
        .into_iter()
        .map(|line| Line {
            number: line.number,
            spans: line
                .spans
                .into_iter()
                .map(|span| Span {
                    token: match span.kind {
                        TokenKind::Keyword => Token::Keyword,
                        TokenKind::Ident => Token::Ident,
                        TokenKind::String => Token::String,
                        TokenKind::Number => Token::Number,
                        TokenKind::Comment => Token::Comment,
                        TokenKind::Operator => Token::Operator,
                        TokenKind::Other => Token::Other,
                    },
                    text: span.text,
                })
                .collect(),
        })
        .collect()
}

/// `1 migration`, `2 migrations`.
pub(super) fn plural(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

/// A name as one segment of a path.
pub(super) fn segment(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment_of_a_path() {
        assert_eq!(segment("jarvis-2_b"), "jarvis-2_b");
        assert_eq!(segment("a/b?c#d%e"), "a%2Fb%3Fc%23d%25e");
        assert_eq!(segment("a b+c"), "a%20b%2Bc");
        assert_eq!(segment("ü"), "%C3%BC");
    }

    #[test]
    fn only_one_is_singular() {
        assert_eq!(plural(0, "migration"), "0 migrations");
        assert_eq!(plural(1, "migration"), "1 migration");
        assert_eq!(plural(2, "migration"), "2 migrations");
    }

    #[test]
    fn colouring_a_script_changes_no_letter_of_it() {
        let script = "-- a\nSELECT 'x' || $1, \"Card\" FROM t; /* ü */\n\nDROP TABLE t";
        let lines = code(script);
        let texts: Vec<String> = lines
            .iter()
            .map(|line| line.spans.iter().map(|span| span.text.as_str()).collect())
            .collect();
        assert_eq!(texts.join("\n"), script);
        let numbers: Vec<usize> = lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
    }
}
