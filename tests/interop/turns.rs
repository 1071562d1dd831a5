//! Taking turns on one database: what one has begun the other goes on with, and both say the same in the end.

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
