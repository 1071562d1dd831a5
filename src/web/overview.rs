//! All targets in a line each, and one target in sentences.

use actix_web::HttpResponse;
use futures_util::future::join_all;

use super::error::PageError;
use super::layout::{Link, Nav};
use super::page::overview::{OverviewPage, TargetRow, TargetState};
use super::page::target::Sentence;
use super::view;
use super::visit::SignedIn;
use crate::app::watch::{Found, Look};
use crate::auth::role::Permission;
use crate::backup::Manifest;
use crate::config::Origin;
use crate::guard::{self, Plan, Verdict, approval};
use crate::job::Operation;
use crate::job::queue::{self, Job, State};
use crate::target::Target;

/// A backup older than this is worth a look.
const OLD_BACKUP_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What is known of one target, gathered for both pages.
pub(super) struct Known {
    pub state: TargetState,
    /// Worst first.
    pub sentences: Vec<Sentence>,
    /// The one thing to do next; a form where it starts something.
    pub next: Option<Next>,
    job: Option<Job>,
    backup: String,
    /// The sentence that says the same as `backup`, when that is something to look at.
    backup_sentence: Option<String>,
}

/// The one thing to do next.
pub(super) enum Next {
    Read(Link),
    Start(Link),
}

/// `GET /`.
pub(super) async fn targets(who: SignedIn) -> Result<HttpResponse, PageError> {
    let app = who.app();
    let open = queue::open(&app.store).await?;
    let seen = app.resources.targets.iter();
    let seen = seen.filter(|target| who.grants.may(&target.name, Permission::View));
    let rows = join_all(seen.map(|target| async {
        let look = who.visit.shared.watch.look(target).await?;
        let known = gather(&who, target, &look, &open).await;
        Ok::<_, PageError>(row(target, known))
    }))
    .await;
    let mut rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    rows.sort_by(|a, b| (a.state, &a.name).cmp(&(b.state, &b.name)));
    let waiting = rows.iter().filter(|row| row.state.needs_somebody()).count();
    let summary = match (rows.len(), waiting) {
        (0, _) => "No target is configured yet.".to_owned(),
        (_, 0) => "Nothing needs you.".to_owned(),
        (_, 1) => "1 target needs you.".to_owned(),
        (_, n) => format!("{n} targets need you."),
    };
    let mut layout = who.layout("Targets");
    layout.nav = Nav::Targets;
    let config_path = match &app.config.origin {
        Origin::File(path) => path.display().to_string(),
        Origin::Environment => "lockkeeper.toml".to_owned(),
    };
    Ok(view::ok(&OverviewPage {
        layout,
        summary,
        targets: rows,
        config_path,
        example_toml: "[[target]]\nname = \"app\"\nenvironment = \"production\"\nurl_file = \"app.url\"\nmigrations = \
                       \"./prisma/migrations\""
            .to_owned(),
        example_env: "DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE".to_owned(),
        example_check: "lockkeeper doctor".to_owned(),
    }))
}

pub(super) async fn gather(who: &SignedIn, target: &Target, look: &Look, open: &[Job]) -> Known {
    let path = format!("/t/{}", view::segment(&target.name));
    let mut known = Known {
        state: TargetState::Ok,
        sentences: Vec::new(),
        next: None,
        job: open
            .iter()
            .find(|job| job.operation.target() == target.name)
            .cloned(),
        backup: String::new(),
        backup_sentence: None,
    };
    jobs(&mut known);
    match &look.found {
        Err(trouble) => {
            known.say(TargetState::Unreachable, &trouble.what, None);
            known.then(Next::Read(Link::new("Try again", path.clone())));
        }
        Ok(found) => {
            let newest = guard::plan::list(&who.app().store, &target.name, 1)
                .await
                .unwrap_or_default();
            let plan = newest
                .into_iter()
                .next()
                .filter(|stored| stored.is_open() && stored.plan.is_of(&found.survey, target));
            let step = match &plan {
                Some(stored) => Some(planned(who, &stored.plan, &path).await),
                None => None,
            };
            history(&mut known, found, step, &path);
        }
    }
    let archive = who.app().resources.archive.clone();
    let name = target.name.clone();
    let newest =
        tokio::task::spawn_blocking(move || archive.list(&name).backups.into_iter().next())
            .await
            .unwrap_or_default();
    backups(&mut known, newest.as_ref(), who.app().clock.now_ms(), &path);
    if known.sentences.is_empty() {
        known.say(
            TargetState::Ok,
            "Every migration is applied, and there is a recent backup.",
            None,
        );
    }
    // A stable sort: among equals, what was found first stays first.
    known.sentences.sort_by_key(|sentence| sentence.state);
    known
}

impl Known {
    fn say(&mut self, state: TargetState, text: &str, link: Option<Link>) {
        self.state = self.state.min(state);
        self.sentences.push(Sentence {
            state,
            text: text.to_owned(),
            link,
        });
    }

    fn then(&mut self, next: Next) {
        self.next.get_or_insert(next);
    }
}

fn jobs(known: &mut Known) {
    let Some(job) = known.job.clone() else { return };
    let link = Link::new("See the job", format!("/jobs/{}", job.id));
    if job.state == State::Interrupted {
        let text = format!(
            "A job was interrupted ({}). Nothing else runs here until you release it.",
            job.operation.words()
        );
        known.say(TargetState::Trouble, &text, Some(link.clone()));
        known.then(Next::Read(link));
    } else if let (Operation::ApplyPlan { .. }, State::Running | State::Queued) =
        (&job.operation, job.state)
    {
        known.say(
            TargetState::Attention,
            "A plan is being applied.",
            Some(link.clone()),
        );
        known.then(Next::Read(Link::new("Follow the job", link.href)));
    }
}

/// What is to be done with the plan of what is pending: in a sentence, and where.
async fn planned(who: &SignedIn, plan: &Plan, path: &str) -> (&'static str, Link) {
    let app = who.app();
    let href = format!("{path}/plans/{}", plan.id);
    let approved = approval::latest(&app.store, &plan.id).await;
    let is_approved = matches!(approved, Ok(Some(yes)) if yes.is_open(app.clock.now_ms()));
    let may = |permission| who.grants.may(&plan.target, permission);
    match plan.verdict {
        Verdict::Destructive if !is_approved => {
            let label = if may(Permission::Approve) {
                "Read and decide"
            } else {
                "Read the plan"
            };
            (
                "The plan destroys data and waits for an approval.",
                Link::new(label, href),
            )
        }
        _ => {
            let label = if may(Permission::Change) {
                "Go on and apply it"
            } else {
                "Read the plan"
            };
            let sentence = match plan.verdict {
                Verdict::Destructive => "The plan is approved and can be applied.",
                Verdict::Caution => "The plan needs care, and no approval: it can be applied.",
                Verdict::Safe => "The plan is safe and can be applied.",
            };
            (sentence, Link::new(label, href))
        }
    }
}

fn history(known: &mut Known, found: &Found, plan: Option<(&str, Link)>, path: &str) {
    let survey = &found.survey;
    let link = || Some(Link::new("See the history", format!("{path}/migrations")));
    if let Some(trouble) = survey.trouble() {
        known.say(TargetState::Trouble, &trouble.what, link());
        known.then(Next::Read(Link::new(
            "See the history",
            format!("{path}/migrations"),
        )));
    }
    let pending = survey.history.pending().count();
    if pending > 0 {
        let text = match pending {
            1 => "1 migration is pending.".to_owned(),
            n => format!("{n} migrations are pending."),
        };
        known.say(TargetState::Attention, &text, link());
        if let Some((text, link)) = plan {
            known.say(TargetState::Attention, text, Some(link.clone()));
            known.then(Next::Read(link));
        } else if survey.blocked().is_none() {
            known.then(Next::Start(Link::new(
                "Make a plan",
                format!("{path}/plans"),
            )));
        }
    }
    for sentence in survey.oddities() {
        known.say(TargetState::Attention, &sentence, link());
    }
}

fn backups(known: &mut Known, newest: Option<&Manifest>, now_ms: i64, path: &str) {
    let link = || Some(Link::new("See the backups", format!("{path}/backups")));
    let Some(newest) = newest else {
        "No backup yet.".clone_into(&mut known.backup);
        let text = "There is no backup yet.";
        known.say(TargetState::Attention, text, link());
        known.backup_sentence = Some(text.to_owned());
        known.then(Next::Start(Link::new(
            "Take a backup",
            format!("{path}/backups"),
        )));
        return;
    };
    let age = now_ms - newest.created_at.as_millisecond();
    known.backup = format!("Last backup {}, taken.", ago(age));
    if age > OLD_BACKUP_MS {
        let text = format!("The last backup was taken {}.", ago(age));
        known.say(TargetState::Attention, &text, link());
        known.backup_sentence = Some(text);
        known.then(Next::Start(Link::new(
            "Take a backup",
            format!("{path}/backups"),
        )));
    }
}

/// `3 hours ago`.
fn ago(ms: i64) -> String {
    let minutes = ms / 60_000;
    let (n, unit) = match minutes {
        ..1 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..2_880 => (minutes / 60, "hour"),
        _ => (minutes / 1_440, "day"),
    };
    let many = if n == 1 { "" } else { "s" };
    format!("{n} {unit}{many} ago")
}

fn row(target: &Target, known: Known) -> TargetRow {
    let sentences: Vec<&str> = known
        .sentences
        .iter()
        .map(|sentence| sentence.text.as_str())
        .filter(|text| known.backup_sentence.as_deref() != Some(text))
        .take(2)
        .collect();
    let sentence = match sentences.as_slice() {
        [] => "No migration is pending.".to_owned(),
        some => some.join(" "),
    };
    TargetRow {
        name: target.name.clone(),
        environment: view::environment(target.environment),
        state: known.state,
        sentence,
        backup: known.backup,
        job: known.job.map(|job| {
            Link::new(
                format!("{} ({})", job.operation.words(), job.state.word()),
                format!("/jobs/{}", job.id),
            )
        }),
        // A list starts nothing: its action leads to the page that does.
        action: known.next.map(|next| match next {
            Next::Read(link) => link,
            Next::Start(link) => {
                Link::new(link.label, format!("/t/{}", view::segment(&target.name)))
            }
        }),
    }
}

/// What is known of a target, whether it answers or not.
#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn an_age_is_rounded_down_in_the_unit_that_a_person_would_use() {
        for (minutes, words) in [
            (-5, "just now"),
            (1, "1 minute ago"),
            (59, "59 minutes ago"),
            (119, "1 hour ago"),
            (48 * 60, "2 days ago"),
        ] {
            assert_eq!(ago(minutes * 60_000), words);
        }
    }
}
