//! `migration_lock.toml`, which Prisma does not read as TOML.

use crate::sides::compare;
use crate::situation::Said::Failed;
use crate::situation::{DEPLOY, STATUS, Situation, situation};

const VARIANTS: &[(&str, &str)] = &[
    ("lock-mysql", "provider = \"mysql\"\n"),
    ("lock-postgres", "provider = \"postgres\"\n"),
    ("lock-capitals", "provider = \"PostgreSQL\"\n"),
    ("lock-without-spaces", "provider=\"postgresql\"\n"),
    ("lock-single-quotes", "provider = 'postgresql'\n"),
    ("lock-two-spaces", "provider =  \"postgresql\"\n"),
    ("lock-comment-behind", "provider = \"postgresql\" # mine\n"),
    ("lock-indented", "  provider = \"postgresql\"\n"),
    ("lock-empty", ""),
    ("lock-comments-only", "# provider\n"),
    (
        "lock-comments-before",
        "# Please do not edit\n\nprovider = \"postgresql\"\n",
    ),
    ("lock-crlf", "# x\r\nprovider = \"postgresql\"\r\n"),
    ("lock-without-quotes", "provider = postgresql\n"),
    (
        "lock-in-conflict",
        "<<<<<<< ours\nprovider = \"postgresql\"\n=======\nprovider = \"mysql\"\n>>>>>>> theirs\n",
    ),
    (
        "lock-byte-order-mark",
        "\u{feff}provider = \"postgresql\"\n",
    ),
];

pub fn all() -> Vec<Situation> {
    let mut all: Vec<Situation> = VARIANTS
        .iter()
        .map(|(name, text)| {
            situation(name)
                .has(&["1_a"])
                .file("migration_lock.toml", text.as_bytes())
                .asks(&[STATUS])
        })
        .collect();
    all.push(
        situation("lock-absent")
            .without_lock_file()
            .has(&["1_a"])
            .asks(&[STATUS, DEPLOY]),
    );
    // The lock file comes before failed rows, before an empty table and before everything that applies; a row can be
    // given up all the same.
    all.push(
        situation("lock-and-all-commands")
            .has(&["1_a"])
            .file("migration_lock.toml", b"provider = \"mysql\"\n")
            .rows(Failed, &["1_a"])
            .asks(&[
                STATUS,
                DEPLOY,
                &["resolve", "--applied", "1_a"],
                &["resolve", "--rolled-back", "1_a"],
            ]),
    );
    all.push(
        situation("lock-and-tables")
            .has(&["1_a"])
            .file("migration_lock.toml", b"provider = \"mysql\"\n")
            .sql("CREATE TABLE legacy (id int);")
            .asks(&[DEPLOY]),
    );
    all
}

#[test]
fn a_lock_file_is_accepted_where_prisma_accepts_it() {
    compare(&all());
}
