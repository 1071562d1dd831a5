//! What most tests of the line begin with: a database, a project, a console, and what the terminal said.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::support::cluster::Cluster;
use crate::support::console::{Console, TargetLines, USER, USER_PASSWORD, binary};
pub use crate::support::holder::Holder;
use crate::support::project::Project;

/// The script that [`Scene::about_to_drop`] leaves to be applied.
pub const DROP: &str = "ALTER TABLE \"Person\" DROP COLUMN phone;";

/// The exit codes of the contract.
pub const DONE: i32 = 0;
pub const NOT_SO: i32 = 1;
pub const USAGE: i32 = 2;
pub const UNREACHABLE: i32 = 3;
pub const REFUSED: i32 = 4;
pub const CANCELLED: i32 = 130;

/// The cluster that tests share which need nothing special of it; it stops with the process.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// A new, empty database on the shared cluster.
pub fn database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("app{}", NEXT.fetch_add(1, Ordering::Relaxed));
    cluster().create_database(&name);
    name
}

/// A target `app`, its database on the shared cluster, its project and its console.
pub struct Scene {
    pub console: Console,
    pub project: Project,
    pub database: String,
}

impl Scene {
    /// A console that is configured and has its user, but does not run: the terminal is enough.
    pub fn terminal(project: Project) -> Self {
        let database = database();
        let console = Console::prepare(&[target("app", &cluster().url(&database), &project)], None);
        console.add_user();
        Self {
            console,
            project,
            database,
        }
    }

    /// A console that runs.
    pub fn serving(project: Project) -> Self {
        let mut scene = Self::terminal(project);
        scene.console.serve();
        scene
    }

    /// Asks the target's database.
    pub fn ask(&self, sql: &str) -> String {
        cluster().psql(&self.database, sql)
    }

    /// The ledger, a line for each row: name, whether finished, rolled back, with logs, and the count of steps.
    pub fn ledger(&self) -> String {
        self.ask(
            "SELECT migration_name, finished_at IS NOT NULL, rolled_back_at IS NOT NULL, logs IS NOT NULL, \
             applied_steps_count FROM _prisma_migrations ORDER BY started_at",
        )
    }

    /// Runs a command that must end with `code`.
    pub fn run(&self, args: &[&str], code: i32) -> Said {
        Said::of(self.console.cli(args), args, code)
    }

    /// Approves the newest plan of the target.
    pub fn approve(&self, code: i32) -> Said {
        let args = [
            "plan",
            "approve",
            "--yes",
            "--reason",
            "nobody reads it",
            "--user",
            USER,
            "--password-stdin",
        ];
        Said::of(
            self.console.cli_with_input(&args, USER_PASSWORD),
            &args,
            code,
        )
    }

    /// A console on its terminal, with a plan that drops a column of two values: planned and backed up, to be approved.
    pub fn about_to_approve() -> Self {
        let init = "CREATE TABLE \"Person\" (id int PRIMARY KEY, phone text);\n\
                    INSERT INTO \"Person\" VALUES (1, '1'), (2, '2'), (3, NULL);";
        let scene = Self::terminal(Project::new().migration("1_init", init));
        scene.plan_and_apply(DONE);
        scene.project.write("2_drop", DROP);
        scene
            .run(&["plan", "make"], REFUSED)
            .says(&["column phone of \"Person\": 2 values"]);
        scene.run(&["backup", "take"], DONE);
        scene
    }

    /// The same, approved.
    pub fn about_to_drop() -> Self {
        let scene = Self::about_to_approve();
        scene.approve(DONE);
        scene
    }

    /// Makes a plan that turns out destructive, and gives it a backup and an approval; what the plan said.
    pub fn planned_and_approved(&self) -> Said {
        let plan = self.run(&["plan", "make"], REFUSED);
        self.run(&["backup", "take"], DONE);
        self.approve(DONE);
        plan
    }

    /// The same, and applies it; the last command must end with `code`.
    pub fn approve_and_apply(&self, code: i32) -> Said {
        self.planned_and_approved();
        self.run(&["plan", "apply"], code)
    }

    /// Whether the column of [`Scene::about_to_drop`] is still there.
    pub fn has_phones(&self) -> bool {
        self.ask("SELECT count(*) FROM information_schema.columns WHERE column_name = 'phone'")
            == "1"
    }

    /// Makes a plan that turns out safe, and applies it without a backup; the second command must end with `code`.
    pub fn plan_and_apply(&self, code: i32) -> Said {
        self.run(&["plan", "make"], DONE);
        self.run(&["plan", "apply", "--no-backup"], code)
    }
}

/// Runs a command in `folder` with nothing but the URL of a database of the shared cluster: no configuration, no store.
pub fn bare(database: &str, folder: &Path, args: &[&str]) -> Output {
    bare_command(database, folder).args(args).output().unwrap()
}

/// The same, not yet begun.
pub fn bare_command(database: &str, folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATABASE_URL", cluster().url(database))
        .current_dir(folder);
    command
}

/// A target for the configuration.
pub fn target<'a>(name: &'a str, url: &'a str, project: &'a Project) -> TargetLines<'a> {
    TargetLines {
        name,
        environment: "production",
        url,
        // The console lives as short as the test, and its configuration holds the text only.
        migrations: Box::leak(project.migrations().into_boxed_path()),
    }
}

/// What a command said.
pub struct Said {
    pub out: String,
    pub err: String,
}

impl Said {
    /// What was said, after a check of how it ended.
    pub fn of(output: Output, args: &[&str], code: i32) -> Self {
        let said = Self {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?} said\n{}\n{}",
            said.out,
            said.err
        );
        said
    }

    /// Everything, with single spaces.
    pub fn all(&self) -> String {
        let both = format!("{} {}", self.out, self.err);
        both.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The last JSON object of `--json`.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.out.lines().last().unwrap()).unwrap()
    }

    /// Checks that all of `parts` were said.
    pub fn says(&self, parts: &[&str]) -> &Self {
        let all = self.all();
        for part in parts {
            assert!(all.contains(part), "`{part}` is not in: {all}");
        }
        self
    }
}

impl Holder {
    /// Opens a session on the database of the shared cluster, runs `sql` in it and keeps it open.
    pub fn of(database: &str, sql: &str) -> Self {
        Self::on(cluster(), database, sql)
    }
}
