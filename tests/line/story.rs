//! The whole line on the terminal, on a database as a real app has it, with Prisma's own CLI as a second opinion.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::scene::{DONE, NOT_SO, REFUSED, Said, USAGE, cluster, database};
use crate::support::console::{Console, TargetLines, USER, USER_PASSWORD};
use crate::support::prisma::prisma;
use crate::support::visitor::Visitor;

const ADDED: &str = "20261112134408_add_study_reminders";
const DROPPED: &str = "20261119154427_drop_phone_and_legacy_import";

struct Jarvis {
    console: Console,
    database: String,
}

impl Jarvis {
    fn load() -> Self {
        let database = database();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let loaded = Command::new(repository.join("demo/load"))
            .args(["--users", "480"])
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", cluster().port().to_string())
            .env("PGUSER", "postgres")
            .env("PGPASSWORD", crate::support::cluster::PASSWORD)
            .env("PGDATABASE", &database)
            .output()
            .unwrap();
        assert!(
            loaded.status.success(),
            "{}",
            String::from_utf8_lossy(&loaded.stderr)
        );
        let target = TargetLines {
            name: "jarvis",
            environment: "production",
            url: &cluster().url(&database),
            migrations: &repository.join("demo/jarvis/prisma/migrations"),
        };
        let console = Console::prepare(&[target], None);
        console.add_user();
        Self { console, database }
    }

    fn run(&self, args: &[&str], code: i32) -> Said {
        Said::of(self.console.cli(args), args, code)
    }

    fn approve(&self, password: &str, code: i32) -> Said {
        let args = [
            "plan",
            "approve",
            "--yes",
            "--reason",
            "moved to Phone in March",
            "--user",
            USER,
            "--password-stdin",
        ];
        Said::of(self.console.cli_with_input(&args, password), &args, code)
    }

    fn ask(&self, sql: &str) -> String {
        cluster().psql(&self.database, sql)
    }

    fn count(&self, sql: &str) -> i64 {
        self.ask(sql).parse().unwrap()
    }

    /// What Prisma's CLI says to `migrate status`, and its exit code.
    fn second_opinion(&self) -> (String, Option<i32>) {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/jarvis");
        let url = cluster().url(&self.database);
        let said = prisma(&project, &url, &["migrate", "status"]);
        let text = [said.stdout, said.stderr].concat();
        (
            String::from_utf8_lossy(&text).into_owned(),
            said.status.code(),
        )
    }
}

fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

#[tokio::test]
async fn from_pending_to_applied() {
    let mut jarvis = Jarvis::load();

    // Both see the same two migrations pending, and nothing else.
    let status = jarvis.run(&["migrate", "status", "--json"], NOT_SO).json();
    assert_eq!(status["pending"], json!([ADDED, DROPPED]));
    assert_eq!(status["upToDate"], json!(false));
    jarvis
        .run(&["migrate", "status"], NOT_SO)
        .says(&["2 migrations are pending.", ADDED, DROPPED]);
    let (prisma, code) = jarvis.second_opinion();
    let listed: Vec<&str> = prisma
        .lines()
        .skip_while(|line| !line.contains("have not yet been applied"))
        .map(str::trim)
        .filter(|line| line.starts_with("20"))
        .collect();
    assert_eq!((listed, code), (vec![ADDED, DROPPED], Some(1)), "{prisma}");

    // The plan counts what would be lost, and says so in both forms.
    let phones = jarvis.count("SELECT count(phone) FROM \"User\"");
    let imports = jarvis.count("SELECT count(*) FROM legacy_import");
    assert!(phones > 0 && imports > 0);
    jarvis.run(&["plan", "make"], REFUSED).says(&[
        "verdict: destructive",
        &format!("column phone of \"User\": {phones} values"),
        &format!("table legacy_import: {imports} rows"),
        "lock: blocks reads and writes of \"User\" (ACCESS EXCLUSIVE)",
        "table: \"User\" had 480 rows, ",
        "error: The column phone of \"User\" goes with every value in it",
        "what to do: If the field was renamed",
    ]);
    let made = jarvis.run(&["plan", "make", "--json"], REFUSED).json();
    let losses: Vec<&Value> = made["plan"]["migrations"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|migration| migration["statements"].as_array().unwrap())
        .flat_map(|statement| statement["findings"].as_array().unwrap())
        .map(|finding| &finding["loss"]["count"])
        .collect();
    let dropped = &made["plan"]["migrations"][1]["statements"][0];
    assert_eq!(
        dropped["locks"],
        json!([{"table": "\"User\"", "mode": "ACCESS EXCLUSIVE"}])
    );
    assert_eq!(dropped["findings"][0]["severity"], json!("error"));
    let exact = |n: i64| json!({"kind": "exact", "n": n});
    assert_eq!(losses, [&exact(phones), &exact(imports)]);

    // Neither without an approval, nor with somebody else's password, nor where a backup is not wanted.
    let refused = ["not approved", "column phone"];
    jarvis.run(&["plan", "apply"], REFUSED).says(&refused);
    jarvis.approve("not-the-passphrase-at-all", NOT_SO).says(&[
        "The name or the password is wrong.",
        "Nothing was approved.",
    ]);
    jarvis.run(&["plan", "apply"], REFUSED).says(&refused);
    jarvis
        .approve(USER_PASSWORD, DONE)
        .says(&["Approved by ada"]);
    jarvis
        .run(&["plan", "apply", "--no-backup"], USAGE)
        .says(&["it is applied after a backup only"]);
    assert_eq!(jarvis.count("SELECT count(phone) FROM \"User\""), phones);

    take_and_check_backup(&jarvis, phones);

    let applied = jarvis.run(&["plan", "apply"], DONE);
    applied.says(&["2 migrations were applied."]);
    jarvis
        .run(&["migrate", "status"], DONE)
        .says(&["Nothing is pending."]);
    check_database(&jarvis);
    let (prisma, code) = jarvis.second_opinion();
    assert!(
        prisma.contains("Database schema is up to date!"),
        "{prisma}"
    );
    assert_eq!(code, Some(0));

    // It is over: neither the plan nor its approval can be used again.
    let plan = made["plan"]["id"].as_str().unwrap();
    jarvis.run(&["plan", "apply", plan], REFUSED);
    jarvis
        .approve(USER_PASSWORD, USAGE)
        .says(&["has been applied already"]);
    jarvis
        .run(&["plan", "make"], DONE)
        .says(&["Nothing is pending"]);

    jarvis.console.serve();
    check_audit(&jarvis.console).await;
}

/// Takes the backup, and looks at it with the tools that anybody has.
fn take_and_check_backup(jarvis: &Jarvis, phones: i64) {
    jarvis
        .run(
            &["backup", "take", "--note", "before the phone migration"],
            DONE,
        )
        .says(&["was taken."]);
    let listed = jarvis.run(&["backup", "list", "--json"], DONE).json();
    let manifest = &listed["backups"][0];
    assert_eq!(listed["backups"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["note"], "before the phone migration");
    assert_eq!(manifest["migrations"].as_array().unwrap().len(), 16);
    let archive = jarvis.console.folder().join("backups");
    let artifact = archive.join(manifest["file"]["name"].as_str().unwrap());
    let bytes = std::fs::read(&artifact).unwrap();
    assert_eq!(manifest["file"]["bytes"], json!(bytes.len()));
    assert_eq!(manifest["file"]["sha256"], json!(sha256(&bytes)));
    let mut files: Vec<_> = std::fs::read_dir(&archive)
        .unwrap()
        .map(|entry| entry.unwrap().path().extension().unwrap().to_owned())
        .collect();
    files.sort();
    assert_eq!(files, ["dump", "json"]);

    let pg_restore = || Command::new(cluster().bin().join("pg_restore"));
    let list = pg_restore().arg("--list").arg(&artifact).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    for table in ["TABLE DATA public User", "TABLE DATA public legacy_import"] {
        assert!(list.contains(table), "{list}");
    }
    // It does bring the data back.
    let restored = database();
    let done = pg_restore()
        .args(["--exit-on-error", "--dbname", &cluster().url(&restored)])
        .arg(&artifact)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let kept = cluster().psql(&restored, "SELECT count(phone) FROM \"User\"");
    assert_eq!(kept, phones.to_string());
}

/// The scripts are in effect, and the rows are as Prisma would have written them.
fn check_database(jarvis: &Jarvis) {
    let gone = "SELECT count(*) FROM information_schema.columns WHERE (table_name, column_name) = ('User', 'phone')";
    assert_eq!(jarvis.count(gone), 0);
    assert_eq!(jarvis.ask("SELECT to_regclass('legacy_import')"), "");
    assert_eq!(jarvis.count("SELECT count(*) FROM \"StudyReminder\""), 0);
    let rows = jarvis.ask(
        "SELECT migration_name, checksum, applied_steps_count, logs IS NULL, rolled_back_at IS NULL, \
                finished_at > started_at, \
                id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' \
           FROM _prisma_migrations ORDER BY started_at DESC LIMIT 2",
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/jarvis/prisma/migrations");
    let expected = [DROPPED, ADDED].map(|name| {
        let script = std::fs::read(folder.join(name).join("migration.sql")).unwrap();
        format!("{name}|{}|1|t|t|t|t", sha256(&script))
    });
    assert_eq!(rows.lines().collect::<Vec<_>>(), expected);
}

async fn check_audit(console: &Console) {
    let visitor = Visitor::signed_in(console).await;
    let audit = visitor.read("/audit").await.words();
    // Newest first: each of these comes later on the page than the one before it.
    let mut rest = audit.as_str();
    for entry in [
        "Apply a plan 2 migrations were applied.",
        "Apply a plan jarvis asked for",
        "Take a backup 2",
        "Take a backup jarvis asked for",
        "Approve a plan plan ",
        "Approve a plan the sign-in failed",
        "Make a plan plan ",
        "Make a plan jarvis asked for",
        "Add a user user ada",
    ] {
        let at = rest.find(entry);
        let at = at.unwrap_or_else(|| panic!("`{entry}` is not in its place: {audit}"));
        rest = &rest[at..];
    }
    // The refused tries above started no job.
    assert_eq!(audit.matches("Apply a plan jarvis asked for").count(), 1);
}
