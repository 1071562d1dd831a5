//! Taking turns on one database: what one has begun the other goes on with, and both say the same in the end.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::oracle;
use crate::sides::{Answer, cluster, database, lockkeeper};
use crate::situation::{DEPLOY, STATUS, script, situation};

const ROWS: &str = "SELECT migration_name, finished_at IS NOT NULL, rolled_back_at IS NOT NULL, applied_steps_count \
                    FROM _prisma_migrations ORDER BY started_at";

fn well(answer: &Answer) {
    assert_eq!(answer.exit, 0, "{}\n{}", answer.out, answer.err);
}

#[test]
fn they_take_turns() {
    for prisma_begins in [true, false] {
        let halves = situation("turns").has(&["1_a", "2_b"]);
        let project = halves.project();
        let database = database(&halves);
        let url = cluster().url(&database);
        let ask = |prisma: bool, args: &[&str]| {
            if prisma {
                oracle::ask(project.folder(), &url, args)
            } else {
                lockkeeper(&project, &url, args)
            }
        };
        well(&ask(prisma_begins, DEPLOY));
        project.write("3_c", "ALTER TABLE missing ADD x int;");
        let failed = ask(!prisma_begins, DEPLOY);
        assert_eq!(failed.exit, 1, "{}\n{}", failed.out, failed.err);
        let refused = ask(prisma_begins, DEPLOY);
        assert!(refused.err.contains("P3009"), "{}", refused.err);
        well(&ask(prisma_begins, &["resolve", "--rolled-back", "3_c"]));
        project.write("3_c", &script("3_c"));
        project.write("4_d", &script("4_d"));
        well(&ask(!prisma_begins, &["resolve", "--applied", "4_d"]));
        well(&ask(!prisma_begins, DEPLOY));
        for prisma in [true, false] {
            well(&ask(prisma, DEPLOY));
            well(&ask(prisma, STATUS));
        }
        let rows = cluster().psql(&database, ROWS);
        assert_eq!(
            rows,
            "1_a|t|f|1\n2_b|t|f|1\n3_c|f|t|0\n4_d|t|f|0\n3_c|t|f|1"
        );
    }
}

/// A session that holds Prisma's lock on a database until it is dropped.
pub struct Held {
    psql: Child,
}

/// Takes Prisma's lock on a database.
pub fn hold(database: &str) -> Held {
    let mut psql = Command::new(cluster().bin().join("psql"))
        .args(["-X", "-q", "-At", "-d"])
        .arg(cluster().url(database))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = psql.stdin.as_mut().unwrap();
    writeln!(input, "SELECT pg_advisory_lock(72707369);\n\\echo held").unwrap();
    input.flush().unwrap();
    let said = BufReader::new(psql.stdout.as_mut().unwrap());
    assert!(said.lines().any(|line| line.unwrap() == "held"));
    Held { psql }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.psql.stdin.take());
        let _gone = self.psql.wait();
    }
}
