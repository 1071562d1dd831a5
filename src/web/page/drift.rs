//! What differs between a database and what its migrations make: a card of the page of the migrations.

use super::pill::Pill;
use super::when::When;
use crate::web::layout::Tone;

/// The newest comparison.
#[derive(Clone, Debug)]
pub struct Compared {
    /// When the database was read.
    pub at: When,
    /// Where its job is.
    pub href: String,
    /// Whether anything differs.
    pub is_none: bool,
    /// The result in one sentence.
    pub words: String,
    /// Whether a migration has been applied since.
    pub is_outdated: bool,
    /// What differs, at most as many as fit.
    pub things: Vec<DriftThing>,
    /// How many more do.
    pub more: usize,
    /// What to know about it.
    pub notes: Vec<String>,
}

/// A table, view, function … that differs.
#[derive(Clone, Debug)]
pub struct DriftThing {
    /// Kind and name.
    pub title: String,
    /// That it is on one side only.
    pub remark: String,
    /// What of itself differs, a line each.
    pub values: Vec<String>,
    /// Which of its parts differ.
    pub parts: Vec<DriftPart>,
}

/// A column, index, constraint … that differs.
#[derive(Clone, Debug)]
pub struct DriftPart {
    /// Kind and name.
    pub title: String,
    /// That it is on one side only, and what it is there.
    pub remark: String,
    /// What of it differs, a line each.
    pub values: Vec<String>,
}

/// The card.
#[derive(Clone, Debug)]
pub struct DriftCard {
    /// The newest comparison; none when there was none.
    pub compared: Option<Compared>,
    /// Where a post starts one.
    pub compare: String,
    /// What does the same on the terminal.
    pub command: String,
}

impl Compared {
    /// The result as a pill.
    #[must_use]
    pub fn pill(&self) -> Pill {
        if self.is_none {
            Pill::new("no drift", "check", Tone::Good)
        } else {
            Pill::new("drift", "warn", Tone::Warn)
        }
    }
}

impl DriftCard {
    /// The card of a target at `path` with that name.
    #[must_use]
    pub fn new(name: &str, path: &str, compared: Option<Compared>) -> Self {
        Self {
            compared,
            compare: format!("{path}/drift"),
            command: format!("lockkeeper migrate diff {name}"),
        }
    }

    /// One that was never made.
    #[must_use]
    pub fn sample_never() -> Self {
        Self::new("jarvis", "/t/jarvis", None)
    }

    /// One that found nothing, before the newest migration.
    #[must_use]
    pub fn sample_none() -> Self {
        let compared = Compared {
            at: When::at(1_795_305_600_000),
            href: "/jobs/0199a7c2".to_owned(),
            is_none: true,
            words: "No drift: the database is what its 33 applied migrations make.".to_owned(),
            is_outdated: true,
            things: Vec::new(),
            more: 0,
            notes: Vec::new(),
        };
        Self::new("jarvis", "/t/jarvis", Some(compared))
    }

    /// One that found something of each shape, with names as they are given to it.
    #[must_use]
    pub fn sample_found(names: [&str; 3]) -> Self {
        let [table, column, other] = names;
        let thing = |title: String, remark: &str| DriftThing {
            title,
            remark: remark.to_owned(),
            values: Vec::new(),
            parts: Vec::new(),
        };
        let part = |title: String, remark: &str, values: &[&str]| DriftPart {
            title,
            remark: remark.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let compared = Compared {
            at: When::at(1_795_305_600_000),
            href: "/jobs/0199a7c2".to_owned(),
            is_none: false,
            words: "4 differences between the database and what its 33 applied migrations make."
                .to_owned(),
            is_outdated: false,
            things: vec![
                DriftThing {
                    parts: vec![
                        part(
                            format!("column {column}"),
                            "",
                            &[
                                "nullable: yes in the database, no in the history",
                                "type: text in the database, character varying(191) in the history",
                            ],
                        ),
                        part(
                            "index \"User_email_key\"".to_owned(),
                            "is not in the database: CREATE UNIQUE INDEX \"User_email_key\" ON public.\"User\" USING btree (email)",
                            &[],
                        ),
                    ],
                    ..thing(format!("table {table}"), "")
                },
                thing(format!("view {other}"), "is only in the database"),
            ],
            more: 3,
            notes: vec![
                format!("The columns of {table} stand in another order."),
                format!("Not compared, because no migration makes anything there: {other}."),
            ],
        };
        Self::new("jarvis", "/t/jarvis", Some(compared))
    }
}
