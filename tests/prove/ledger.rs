//! What the ledger's commands cost: `status` and `deploy` of 300 generated migrations, against `psql` and against Prisma's CLI.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::fmt::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::cluster::Cluster;
use crate::support::console::binary;
use crate::support::prisma::prisma;
use crate::support::project::Project;

const MIGRATIONS: usize = 300;
/// Each figure is the middle one of so many.
const RUNS: usize = 5;
/// No command may have more resident.
const MOST_KILOBYTES: u64 = 20 * 1024;

/// What `prisma migrate dev` writes for a model with a relation to the one before.
fn script(n: usize) -> String {
    let mut script = format!(
        "-- CreateTable\nCREATE TABLE \"Model{n}\" (\n    \"id\" SERIAL NOT NULL,\n    \"name\" TEXT NOT NULL,\n    \
         \"note\" TEXT,\n    \"createdAt\" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,\n    \"otherId\" INTEGER,\n\n    \
         CONSTRAINT \"Model{n}_pkey\" PRIMARY KEY (\"id\")\n);\n\n-- CreateIndex\n\
         CREATE UNIQUE INDEX \"Model{n}_name_key\" ON \"Model{n}\"(\"name\");\n"
    );
    if n > 0 {
        let before = n - 1;
        write!(
            script,
            "\n-- AddForeignKey\nALTER TABLE \"Model{n}\" ADD CONSTRAINT \"Model{n}_otherId_fkey\" FOREIGN KEY (\"otherId\") \
             REFERENCES \"Model{before}\"(\"id\") ON DELETE SET NULL ON UPDATE CASCADE;\n"
        )
        .unwrap();
    }
    script
}

fn name(n: usize) -> String {
    format!("2025{n:010}_model_{n}")
}

/// The same as a deploy for `psql`: one connection, one transaction for each script, and the three writes of the ledger.
fn for_psql(project: &Project) -> String {
    let mut all = String::from(
        "SELECT pg_advisory_lock(72707369);\n\
         CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, \
         finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ, \
         started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0);\n",
    );
    for n in 0..MIGRATIONS {
        let name = name(n);
        let file = project.migrations().join(&name).join("migration.sql");
        write!(
            all,
            "INSERT INTO _prisma_migrations (id, checksum, started_at, migration_name) VALUES ('{n}', repeat('0', 64), now(), '{name}');\n\
             BEGIN;\n\\i {}\nCOMMIT;\n\
             UPDATE _prisma_migrations SET applied_steps_count = applied_steps_count + 1 WHERE id = '{n}';\n\
             UPDATE _prisma_migrations SET finished_at = now() WHERE id = '{n}';\n",
            file.display()
        )
        .unwrap();
    }
    all
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// How long the migrations themselves took by the ledger, from the first row to the end of the last.
fn applying(cluster: &Cluster, database: &str) -> Duration {
    let took =
        "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM _prisma_migrations";
    Duration::from_secs_f64(cluster.psql(database, took).parse().unwrap())
}

fn lockkeeper(cluster: &Cluster, database: &str, project: &Project, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("DATABASE_URL", cluster.url(database))
        .current_dir(project.folder())
        .args(args);
    command
}

fn done(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// The processor's time that children of this process have used so far and that were waited for, in the user's and the kernel's part.
/// Linux counts it in hundredths of a second, so it is worth something over many runs only.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    // `cutime` and `cstime` are the 16th and 17th of all, the state behind the name being the third.
    let ticks = fields.split_whitespace().skip(13).take(2);
    let ticks: u32 = ticks.map(|field| field.parse::<u32>().unwrap()).sum();
    Duration::from_millis(10) * ticks
}

/// How long a command takes, and the most memory that was seen of it, in kilobytes.
fn watched(mut command: Command) -> (Duration, u64) {
    let began = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        most = most.max(kilobytes.unwrap_or_default());
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let took = began.elapsed();
    assert!(ended.success());
    (took, most)
}

#[test]
fn status_and_deploy_of_three_hundred_migrations() {
    let cluster = Cluster::start();
    let project = Project::new();
    for n in 0..MIGRATIONS {
        project.write(&name(n), &script(n));
    }
    std::fs::write(
        project.folder().join("prisma/schema.prisma"),
        "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n",
    )
    .unwrap();
    let all = project.folder().join("all.sql");
    std::fs::write(&all, for_psql(&project)).unwrap();

    let (mut bare, mut ours, mut most) = (Vec::new(), Vec::new(), 0);
    let (mut bare_applying, mut our_applying) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let database = format!("psql{run}");
        cluster.create_database(&database);
        let began = Instant::now();
        let output = Command::new(cluster.bin().join("psql"))
            .args([
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &cluster.url(&database),
                "-f",
            ])
            .arg(&all)
            .output()
            .unwrap();
        bare.push(began.elapsed());
        done(&output);
        bare_applying.push(applying(&cluster, &database));
        let database = format!("ours{run}");
        cluster.create_database(&database);
        let (took, memory) = watched(lockkeeper(
            &cluster,
            &database,
            &project,
            &["migrate", "deploy"],
        ));
        ours.push(took);
        our_applying.push(applying(&cluster, &database));
        most = most.max(memory);
        let rows = "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL";
        assert_eq!(cluster.psql(&database, rows), MIGRATIONS.to_string());
    }
    let (bare, ours) = (middle(bare), middle(ours));
    println!(
        "deploy of {MIGRATIONS}: psql {bare:.1?}, lockkeeper {ours:.1?}, ratio {:.3}, {} MB resident",
        ours.as_secs_f64() / bare.as_secs_f64(),
        most / 1024
    );
    let (bare_applying, our_applying) = (middle(bare_applying), middle(our_applying));
    let ratio = our_applying.as_secs_f64() / bare_applying.as_secs_f64();
    println!(
        "  of it applying: psql {bare_applying:.1?}, lockkeeper {our_applying:.1?}, ratio {ratio:.3}; the rest is connecting and judging \
         the plan"
    );

    assert!(
        ours.as_secs_f64() < bare.as_secs_f64() * 1.5,
        "deploy is much slower than psql"
    );
    assert!(
        ratio < 1.15,
        "the same transactions take longer than with psql"
    );
    assert!(most < MOST_KILOBYTES, "deploy takes {most} kB");
    status(&cluster, &project);
}

/// `status` of the database `ours0`, against Prisma's CLI, against a `psql` that asks for nothing, and what of it is our own.
fn status(cluster: &Cluster, project: &Project) {
    const MANY: u32 = 30;
    let (mut ours, mut most) = (Vec::new(), 0);
    let before = processor();
    for _ in 0..MANY {
        let (took, memory) = watched(lockkeeper(
            cluster,
            "ours0",
            project,
            &["migrate", "status"],
        ));
        ours.push(took);
        most = most.max(memory);
    }
    let used = processor().saturating_sub(before) / MANY;
    let (mut start, mut bare, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let before = processor();
    for _ in 0..MANY {
        start.push(watched(lockkeeper(cluster, "ours0", project, &["--version"])).0);
    }
    let used_by_start = processor().saturating_sub(before) / MANY;
    for _ in 0..MANY {
        let mut psql = Command::new(cluster.bin().join("psql"));
        psql.args(["-X", "-c", "SELECT 1", "-d", &cluster.url("ours0")]);
        bare.push(watched(psql).0);
    }
    for _ in 0..RUNS {
        let began = Instant::now();
        let output = prisma(
            project.folder(),
            &cluster.url("ours0"),
            &["migrate", "status"],
        );
        theirs.push(began.elapsed());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("Database schema is up to date!"), "{said}");
    }
    let (ours, theirs) = (middle(ours), middle(theirs));
    println!(
        "status of {MIGRATIONS}: prisma {theirs:.1?}, lockkeeper {ours:.1?} with the process, ratio {:.0}, {} MB resident",
        theirs.as_secs_f64() / ours.as_secs_f64(),
        most / 1024
    );
    println!(
        "  of it the processor for {used:.1?}, the rest is waiting; `--version` {:.1?} ({used_by_start:.1?} of the \
         processor), `psql -c 'SELECT 1'` {:.1?}",
        middle(start),
        middle(bare)
    );
    assert!(theirs > ours * 20, "status is not much faster than the CLI");
    assert!(
        used.saturating_sub(used_by_start) < Duration::from_millis(15),
        "status takes long by itself"
    );
    assert!(most < MOST_KILOBYTES, "status takes {most} kB");
}
