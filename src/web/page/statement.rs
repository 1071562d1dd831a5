//! One statement of a plan: what it does, what it locks, how large its tables are, and what the guard found.

use super::code::Line;
use super::pill::Pill;
use crate::web::layout::Tone;

/// How bad a finding is: a word, a shape and a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Nothing is lost, but it needs care.
    Warning,
    /// Data is lost or may be.
    Error,
}

impl Severity {
    /// The severity as shown.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Note => Pill::new("note", "info", Tone::Info),
            Self::Warning => Pill::new("warning", "warn", Tone::Warn),
            Self::Error => Pill::new("error", "stop", Tone::Bad),
        }
    }
}

/// What the guard found about a statement.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it means here, in a sentence or two.
    pub text: String,
    /// What to do instead.
    pub advice: Option<String>,
    /// The name of the rule that found it, to look it up.
    pub rule: String,
}

/// What a statement keeps others from.
#[derive(Clone, Debug)]
pub struct Lock {
    /// `blocks reads and writes of`.
    pub blocks: &'static str,
    /// The table.
    pub table: String,
    /// As Postgres names it.
    pub mode: &'static str,
}

/// How large a table was when the plan was made.
#[derive(Clone, Debug)]
pub struct TableSize {
    /// The table.
    pub table: String,
    /// `52,118 rows, 12.4 MB` or `about 2,300,000 rows (estimated), 412 MB`.
    pub size: String,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct PlanStatement {
    /// Its number in the plan, from 1; also its anchor, `#s3`.
    pub number: usize,
    /// What it does: `drop column "phone" of "User"`.
    pub summary: String,
    /// Its SQL.
    pub lines: Vec<Line>,
    /// What it locks, the strongest first.
    pub locks: Vec<Lock>,
    /// The tables that it is about.
    pub tables: Vec<TableSize>,
    /// What the guard found.
    pub findings: Vec<Finding>,
}

impl PlanStatement {
    /// The colour of the worst finding.
    #[must_use]
    pub fn tone(&self) -> Option<Tone> {
        let worst = self.findings.iter().map(|finding| finding.severity).max()?;
        Some(worst.pill().tone)
    }

    /// A statement about one table, in which nothing is found.
    #[must_use]
    pub fn sample(number: usize, sql: &str, summary: &str) -> Self {
        Self {
            number,
            summary: summary.to_owned(),
            lines: Line::sample(sql, 1),
            locks: Vec::new(),
            tables: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// A column that is dropped, of a table that a foreign key leads away from.
    #[must_use]
    pub fn sample_dropped(number: usize) -> Self {
        let lock = |table: &str| Lock {
            blocks: "blocks reads and writes of",
            table: table.to_owned(),
            mode: "ACCESS EXCLUSIVE",
        };
        Self {
            locks: vec![lock("\"User\""), lock("\"Team\"")],
            tables: vec![TableSize {
                table: "\"User\"".to_owned(),
                size: "52,118 rows, 12.4 MB".to_owned(),
            }],
            findings: vec![
                Finding {
                    severity: Severity::Error,
                    text: "The column phone of \"User\" goes with every value in it, and with its indexes and constraints.".to_owned(),
                    advice: Some("If the field was renamed, use ALTER TABLE … RENAME COLUMN …, which keeps every value.".to_owned()),
                    rule: "drop-column".to_owned(),
                },
                Finding {
                    severity: Severity::Warning,
                    text: "It will fail: name of \"User\" has 12 NULLs.".to_owned(),
                    advice: Some("Fill the column first, in this migration or in one before it.".to_owned()),
                    rule: "set-not-null".to_owned(),
                },
            ],
            ..Self::sample(
                number,
                "ALTER TABLE \"User\" DROP COLUMN \"phone\",\nALTER COLUMN \"name\" SET NOT NULL",
                "drop column \"phone\" of \"User\", set column \"name\" of \"User\" not null",
            )
        }
    }

    /// An index on a small table.
    #[must_use]
    pub fn sample_indexed(number: usize) -> Self {
        Self {
            locks: vec![Lock {
                blocks: "blocks writes of",
                table: "\"Message\" and its 12 partitions".to_owned(),
                mode: "SHARE",
            }],
            tables: vec![TableSize {
                table: "\"Message\"".to_owned(),
                size: "480 rows, 96 kB".to_owned(),
            }],
            findings: vec![Finding {
                severity: Severity::Note,
                text: "Every row is read. Writes of \"Message\" wait while the index is built. The table is small (480 rows, 96 kB), so this takes a moment only.".to_owned(),
                advice: None,
                rule: "create-index".to_owned(),
            }],
            ..Self::sample(
                number,
                "CREATE INDEX \"Message_at_idx\" ON \"Message\"(\"at\")",
                "create index on \"Message\"",
            )
        }
    }

    /// Puts `name` wherever a name stands.
    pub fn rename_all(&mut self, name: &str) {
        self.lines = Line::sample(name, 1);
        name.clone_into(&mut self.summary);
        for lock in &mut self.locks {
            name.clone_into(&mut lock.table);
        }
        for table in &mut self.tables {
            name.clone_into(&mut table.table);
        }
        for finding in &mut self.findings {
            name.clone_into(&mut finding.text);
        }
    }
}
