//! What counts as a migration, in which order, and what a broken one does.

use std::fs;

use crate::sides::compare;
use crate::situation::Said::{Applied, Failed, RolledBack};
use crate::situation::{DEPLOY, STATUS, Situation, situation};

pub fn all() -> Vec<Situation> {
    [names(), broken()].into_iter().flatten().collect()
}

fn names() -> Vec<Situation> {
    vec![
        situation("any-directory-counts").has(&[
            ".hidden",
            "_x",
            "with space",
            "größe",
            "no'quote\"s",
        ]),
        situation("links-and-files-do-not-count")
            .has(&["1_a"])
            .file("README.md", b"x")
            .file("2_b.sql", b"SELECT 1;")
            .file("1_a/down.sql", b"SELECT nothing;")
            .file("1_a/nested/migration.sql", b"SELECT nothing;")
            .with(|folder| {
                std::os::unix::fs::symlink(folder.join("1_a"), folder.join("3_link")).unwrap();
            }),
        situation("order-digits")
            .has(&["2_x", "10_x", "1_x"])
            .asks(&[DEPLOY]),
        situation("order-stamps")
            .has(&[
                "202401010000_x",
                "20240101000000_y",
                "0_init",
                "000000000000_squashed",
            ])
            .asks(&[DEPLOY]),
        situation("order-punctuation")
            .has(&["1_a_b", "1_a1", "1_a.b", "1_a-b", "1_a b", "1_a,b"])
            .asks(&[DEPLOY]),
        situation("order-letters")
            .has(&["b", "A", "a", "B", "é", "f", "e", "ab"])
            .asks(&[DEPLOY]),
        situation("order-underscore-and-minus")
            .has(&["20240101000000_y", "20240101000000-x"])
            .asks(&[DEPLOY]),
        situation("lock-file-is-a-directory")
            .file("migration_lock.toml", b"")
            .with(|folder| {
                fs::remove_file(folder.join("migration_lock.toml")).unwrap();
                fs::create_dir(folder.join("migration_lock.toml")).unwrap();
                fs::write(
                    folder.join("migration_lock.toml/migration.sql"),
                    "SELECT 1;",
                )
                .unwrap();
            })
            .has(&["1_a"]),
        situation("a-long-name").has(&[LONG]),
        situation("a-script-in-capitals")
            .has(&["1_a"])
            .file("2_b/MIGRATION.SQL", b"SELECT 1;"),
        situation("no-folder")
            .with(|folder| fs::remove_dir_all(folder).unwrap())
            .asks(&[STATUS]),
        situation("a-file-for-a-folder")
            .with(|folder| {
                fs::remove_dir_all(folder).unwrap();
                fs::write(folder, "x").unwrap();
            })
            .asks(&[STATUS]),
    ]
}

const LONG: &str = "20240101000000_a_name_as_long_as_the_column_holds_and_as_nobody_should_write_it_but_somebody_will_one_day_because_a_tool_made_it_of_a_sentence_that_was_meant_for_people_to_read_and_not_for_a_file_system_of_all_things_so_it_goes_on_and_on";

fn broken() -> Vec<Situation> {
    let broken = |name| situation(name).file("2_b/other.sql", b"SELECT 1;");
    vec![
        broken("broken-and-alone").asks(&[STATUS, DEPLOY]),
        broken("broken-in-the-middle").has(&["1_a", "3_c"]),
        broken("broken-and-applied")
            .rows(Applied, &["2_b"])
            .has(&["3_c"]),
        broken("broken-and-applied-and-nothing-pending").rows(Applied, &["2_b"]),
        broken("broken-and-failed").rows(Failed, &["2_b"]),
        broken("broken-and-rolled-back").rows(RolledBack, &["2_b"]),
        situation("a-directory-for-a-script").file("1_a/migration.sql/x", b""),
    ]
}

#[test]
fn the_same_directories_count_in_the_same_order() {
    compare(&names());
}

#[test]
fn a_broken_folder_is_noticed_where_prisma_needs_its_text() {
    compare(&broken());
}
