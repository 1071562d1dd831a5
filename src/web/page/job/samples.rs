//! The page of a job in the states that matter, without a job.

use super::{Cancel, Choice, JobPage, Moment, Progress, ReconcilePanel, Seen};
use crate::web::layout::{Environment, Layout, Link, Nav, Tab};
use crate::web::page::jobs::JobState;
use crate::web::page::log::{EventLevel, EventLine, LogPages, LogView, StepView};
use crate::web::page::measure::Millis;
use crate::web::page::trouble::TroubleBox;
use crate::web::page::when::When;

/// When the samples were asked for.
const ASKED: i64 = 1_795_363_530_000;

fn line(seq: i64, level: EventLevel, text: &str) -> EventLine {
    EventLine {
        seq,
        at: When::at(ASKED + seq * 1000),
        level,
        text: text.to_owned(),
    }
}

fn step(seq: i64, name: &str, text: &str, state: JobState, events: Vec<EventLine>) -> StepView {
    StepView {
        seq: Some(seq),
        name: name.to_owned(),
        text: text.to_owned(),
        state,
        took: (state == JobState::Succeeded).then_some(Millis(1_240)),
        events,
    }
}

fn backup() -> Vec<StepView> {
    vec![
        step(
            1,
            "Preflight",
            "Looking at the database and the room in the archive",
            JobState::Succeeded,
            vec![
                line(
                    2,
                    EventLevel::Info,
                    "Postgres 15.14, 3.61 GB, 61.2 GB free in the archive",
                ),
                line(
                    3,
                    EventLevel::Warn,
                    "1 session has been idle in a transaction for 2 h 04 min; it delays nothing here",
                ),
            ],
        ),
        step(
            4,
            "Dump",
            "Writing the dump with pg_dump 15.14",
            JobState::Running,
            vec![line(
                5,
                EventLevel::Info,
                "dumping contents of table \"public.Message\"",
            )],
        ),
    ]
}

fn moment(label: &'static str, seconds: i64, note: &str, after: Option<i64>) -> Moment {
    Moment {
        label,
        at: When::at(ASKED + seconds * 1000),
        note: note.to_owned(),
        after: after.map(Millis),
    }
}

impl JobPage {
    /// A backup that is being taken; somebody has asked it to stop.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                nav: Nav::Jobs,
                crumbs: vec![Link::new("Jobs", "/jobs")],
                refresh: Some(3),
                ..Layout::sample_target(
                    "running · Take a backup",
                    "jarvis",
                    Environment::Production,
                    Tab::None,
                )
            },
            id: "0193f2c9-7a10-7c1e-b3f0-5a2b9d6e4c01".to_owned(),
            operation: "Take a backup".to_owned(),
            state: JobState::Running,
            note: String::new(),
            target: "jarvis".to_owned(),
            actor: "ada".to_owned(),
            took: Some(Millis(41_000)),
            ending: None,
            waits: None,
            timeline: vec![
                moment("Requested", 0, "by ada, from 127.0.0.1", None),
                moment("Started", 3, "", Some(3_000)),
            ],
            progress: Progress {
                words: "412 MB so far".to_owned(),
                share: None,
            },
            log: LogView {
                steps: backup(),
                seq: 5,
                follows: true,
                loud: false,
                empty: String::new(),
                pages: None,
            },
            trouble: None,
            result: None,
            cancel: Some(Cancel {
                label: "Stop the job",
                effect: Some(
                    "pg_dump is ended and what it has written is removed. The database is not changed.",
                ),
            }),
            reconcile: None,
        }
    }

    /// A plan that is being applied, of known length, after somebody asked it to stop.
    #[must_use]
    pub fn sample_counted() -> Self {
        Self {
            note: "asked to stop by bob at 16:05:40".to_owned(),
            progress: Progress {
                words: "18 of 23 migrations".to_owned(),
                share: Some((18, 23)),
            },
            cancel: None,
            ..Self::sample()
        }
    }

    /// One that waits for the target.
    #[must_use]
    pub fn sample_queued() -> Self {
        let mut page = Self::sample();
        "queued · Take a backup".clone_into(&mut page.layout.title);
        page.state = JobState::Queued;
        page.took = None;
        page.waits = Some((
            "It waits until jarvis is free: another job runs there.".to_owned(),
            Some(Link::new("Apply a plan", "/jobs/0193f2c9")),
        ));
        page.timeline.truncate(1);
        page.progress = Progress::default();
        page.log.steps.clear();
        "Nothing has happened yet.".clone_into(&mut page.log.empty);
        page.cancel = Some(Cancel {
            label: "Withdraw",
            effect: None,
        });
        page
    }

    /// A backup that failed at the end of a long log.
    #[must_use]
    pub fn sample_failed() -> Self {
        let mut page = Self::sample();
        "failed · Take a backup".clone_into(&mut page.layout.title);
        page.layout.refresh = None;
        page.state = JobState::Failed;
        page.cancel = None;
        page.progress = Progress::default();
        page.timeline
            .push(moment("Ended", 60, "failed", Some(57_000)));
        page.log.follows = false;
        page.log.pages = Some(LogPages {
            shown: "Lines 19,501 to 20,000".to_owned(),
            here: "?from=19501".to_owned(),
            first: Some("/jobs/0193f2c9?from=1".to_owned()),
            earlier: Some("/jobs/0193f2c9?before=19501".to_owned()),
            ..LogPages::default()
        });
        let steps = &mut page.log.steps;
        let many = (6..30).map(|seq| line(seq, EventLevel::Info, "reading a table"));
        steps[0].events.extend(many);
        steps[1].state = JobState::Failed;
        steps[1].events.push(line(
            40,
            EventLevel::Error,
            "pg_dump: error: could not write to output file: No space left on device",
        ));
        page.trouble = Some(TroubleBox::new(
            "The archive ran full while the dump was written: 412 MB were written, 0 bytes are left.",
            "The database was only read and is as it was. The unfinished file was removed; older backups are untouched.",
            "Make at least 1.4 GB of room in /var/lib/lockkeeper/archive, then take the backup again.",
        ));
        page
    }

    /// An apply whose worker vanished.
    #[must_use]
    pub fn sample_interrupted() -> Self {
        let mut page = Self::sample();
        "interrupted · Apply a plan".clone_into(&mut page.layout.title);
        "Apply a plan".clone_into(&mut page.operation);
        page.layout.refresh = None;
        page.state = JobState::Interrupted;
        page.cancel = None;
        page.progress = Progress::default();
        page.log.follows = false;
        page.log.steps = vec![
            step(
                1,
                "Check",
                "Comparing the database and the folder with the plan",
                JobState::Succeeded,
                Vec::new(),
            ),
            step(
                2,
                "Apply",
                "Running the statements",
                JobState::Interrupted,
                vec![line(
                    3,
                    EventLevel::Error,
                    "The program that ran this job went away before it ended.",
                )],
            ),
        ];
        page.reconcile = Some(ReconcilePanel {
            last: "Running 20261120093000_add_phone.".to_owned(),
            effect: "Migrations before the last step are in effect.",
            evidence: vec![
                Seen {
                    is_well: Some(true),
                    text: "No session of this job is left on the server.".to_owned(),
                },
                Seen {
                    is_well: None,
                    text: "20261120093000_add_phone was begun, and the ledger has no end of it."
                        .to_owned(),
                },
            ],
            choices: vec![
                Choice {
                    value: "succeeded",
                    label: "It succeeded",
                },
                Choice {
                    value: "failed",
                    label: "It failed",
                },
            ],
            token: "t0k3n".to_owned(),
            typed: String::new(),
            error: None,
        });
        page
    }
}
