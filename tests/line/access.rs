//! Roles: every route as everybody, and what lists show to whom.

use std::collections::BTreeMap;

use lockkeeper::auth::role::{Permission, Role};
use lockkeeper::web::access::{Access, Rule, Verb, rules};
use reqwest::{Method, StatusCode};

use crate::scene::{DONE, NOT_SO, Said, Scene, cluster, database, target};
use crate::support::console::{Console, USER_PASSWORD};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor, send};

/// Two targets, `app` and `other`, each with a backup, a plan, jobs and a schedule.
struct Place {
    console: Console,
    /// The folder of both targets, which goes with it.
    _project: Project,
    /// The ids of what `app` has, by the beginning of the paths that name them.
    ids: BTreeMap<&'static str, String>,
}

/// Who walks, and what they are.
const WALKERS: [(&str, &[(&str, Role)]); 6] = [
    ("viewer", &[("app", Role::Viewer)]),
    ("operator", &[("app", Role::Operator)]),
    ("approver", &[("app", Role::Approver)]),
    ("admin", &[("app", Role::Admin)]),
    ("elsewhere", &[("other", Role::Operator)]),
    ("root", &[("*", Role::Admin)]),
];

impl Place {
    async fn open() -> Self {
        let project = Project::new().migration("1_init", "CREATE TABLE word (id int);");
        let urls = [database(), database()].map(|name| cluster().url(&name));
        let targets = ["app", "other"]
            .iter()
            .zip(&urls)
            .map(|(name, url)| target(name, url, &project))
            .collect::<Vec<_>>();
        let mut console = Console::prepare(&targets, None);
        console.add_user();
        for (name, roles) in WALKERS {
            let roles: Vec<String> = roles
                .iter()
                .map(|(on, role)| format!("{}@{on}", role.word()))
                .collect();
            add(&console, name, &roles);
        }
        for name in ["app", "other"] {
            let run = |args: &[&str]| Said::of(console.cli(args), args, DONE);
            run(&["backup", "take", name]);
            run(&["plan", "make", name]);
        }
        console.serve();
        let visitor = Visitor::signed_in(&console).await;
        let mut ids = BTreeMap::new();
        for (path, link) in [
            ("/t/{target}/plans", "main table a[href^='/t/app/plans/']"),
            ("/t/{target}/backups", "main a[href$='/download']"),
        ] {
            let page = visitor.read(&path.replace("{target}", "app")).await;
            let href = page.attribute(link, "href");
            ids.insert(path, href.split('/').nth(4).unwrap().to_owned());
        }
        let jobs = visitor.read("/jobs?target=app").await;
        let job = jobs.attribute("main a[href^='/jobs/0']", "href");
        ids.insert("/jobs", job.split('/').nth(2).unwrap().to_owned());
        let form = [("name", "spare"), ("role", "viewer"), ("target", "*")];
        let page = visitor.post("/users", &form).await;
        let spare = page.attribute("main form[action$='/link']", "action");
        ids.insert("/users", spare.split('/').nth(2).unwrap().to_owned());
        ids.insert("/tokens", "none".to_owned());
        console.tamper(GIVEN_UP).await;
        ids.insert("/notifications", "n1".to_owned());
        drop(visitor);
        Self {
            console,
            _project: project,
            ids,
        }
    }

    /// A new schedule of `app`; its id.
    async fn schedule(&self, visitor: &Visitor) -> String {
        let form = [
            ("operation", "backup.take"),
            ("cron", "0 3 * * *"),
            ("zone", "UTC"),
        ];
        let made = visitor.post("/t/app/settings/schedules", &form).await;
        let page = visitor.read(&made.location()).await;
        let path = page.attribute("main .rows li:last-child a.btn", "href");
        path.rsplit('/').next().unwrap().to_owned()
    }

    /// The path of a rule with what `app` has; a schedule is made for it.
    async fn path(&self, rule: &Rule, root: &Visitor) -> String {
        let mut path = rule.path.replace("{target}", "app");
        path = path.replace("{name}", "1_init");
        if path.contains("/schedules/{id}") {
            return path.replace("{id}", &self.schedule(root).await);
        }
        let at = self
            .ids
            .iter()
            .find(|(start, _)| rule.path.starts_with(**start));
        path.replace("{id}", at.map_or("none", |(_, id)| id))
    }
}

/// A notification about `app` that was given up.
const GIVEN_UP: &str = "INSERT INTO notification (id, event_key, kind, target, channel, subject, body, created_at, \
                        state, tries, next_try_at) VALUES ('n1', 'x', 'job-failed', 'app', 'mail:ada@example.com', \
                        's', 'b', 1, 'given-up', 6, 1)";

/// Whether a rule lets somebody of these roles in; false with what they are told.
fn expected(rule: &Rule, roles: &[(&str, Role)]) -> Result<(), StatusCode> {
    let on = |name: &str| {
        let here = roles.iter().filter(|(on, _)| *on == name || *on == "*");
        here.map(|(_, granted)| *granted).max()
    };
    let check = |name: &str, permission: Permission| match on(name) {
        Some(most) if most >= permission.least() => Ok(()),
        Some(_) => Err(StatusCode::FORBIDDEN),
        None => Err(StatusCode::NOT_FOUND),
    };
    match rule.access {
        Access::Open | Access::Person | Access::Own | Access::Listing => Ok(()),
        Access::Target(permission) | Access::Job(permission) | Access::Notification(permission) => {
            check("app", permission)
        }
        Access::Console(permission) => check("*", permission).map_err(|_| StatusCode::FORBIDDEN),
    }
}

async fn ask(visitor: &Visitor, rule: &Rule, path: &str) -> Page {
    match rule.verb {
        Verb::Get if path.ends_with("/events") => {
            // A stream is open for as long as its job is.
            let request = visitor.request(Method::HEAD, path);
            send(request).await
        }
        Verb::Get => visitor.get(path).await,
        Verb::Post => visitor.post(path, &[("note", "x")]).await,
    }
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures of the walk")]
async fn every_route_asks_for_the_role_that_the_table_says() {
    let place = Place::open().await;
    let mut walkers = Vec::new();
    for (name, roles) in WALKERS {
        let visitor = Visitor::new(&place.console);
        visitor.sign_in(name, USER_PASSWORD).await;
        walkers.push((name, roles, visitor));
    }
    let root = Visitor::signed_in(&place.console).await;
    let (mut asked, mut refused) = (0, 0);
    let rules = rules();
    for rule in rules.iter().filter(|rule| rule.access != Access::Open) {
        for (name, roles, visitor) in &walkers {
            // Signing out would end the walk.
            if rule.path == "/logout" {
                continue;
            }
            let path = place.path(rule, &root).await;
            let page = ask(visitor, rule, &path).await;
            let what = format!("{name} asks for {:?} {path}: {}", rule.verb, page.words());
            asked += 1;
            match expected(rule, roles) {
                // Let in, and there is none: the configuration has no channel to subscribe.
                Ok(()) if page.words().contains("no subscription of that id") => {}
                Ok(()) => {
                    let told = [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];
                    assert!(!told.contains(&page.status), "{what}");
                    assert!(!page.status.is_server_error(), "{what}");
                    assert!(!page.location().starts_with("/login"), "{what}");
                }
                Err(status) => {
                    refused += 1;
                    assert_eq!(page.status, status, "{what}");
                    if status == StatusCode::FORBIDDEN && !path.ends_with("/events") {
                        assert!(page.words().contains("This takes the role"), "{what}");
                        assert!(page.words().contains("Nothing was changed."), "{what}");
                    }
                }
            }
        }
    }
    println!(
        "{} routes, {asked} requests, {refused} refused",
        rules.len()
    );
    assert!(refused >= 50, "{refused} of {asked}");
}

#[tokio::test]
async fn a_target_of_others_reads_as_not_being_there() {
    let place = Place::open().await;
    let visitor = Visitor::new(&place.console);
    visitor.sign_in("elsewhere", USER_PASSWORD).await;
    for (path, there) in [
        ("/t/app", "/t/nothing"),
        ("/t/app/backups", "/t/nothing/backups"),
    ] {
        let (page, nothing) = (visitor.get(path).await, visitor.get(there).await);
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert_eq!(
            page.words().replace("target app", "target nothing"),
            nothing.words()
        );
    }
    let job = format!("/jobs/{}", place.ids["/jobs"]);
    let page = visitor.get(&job).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert_eq!(page.words(), visitor.get("/jobs/none").await.words());

    for path in [
        "/",
        "/jobs",
        "/jobs?target=app",
        "/audit",
        "/audit?target=app",
    ] {
        let page = visitor.read(path).await;
        let main = page.one("main");
        // A filter repeats what was typed.
        assert!(
            path.contains('?') || !main.contains(" app "),
            "{path}: {main}"
        );
        assert!(!page.text.contains("/t/app"), "{path}");
    }
    assert!(visitor.read("/jobs").await.one("main").contains("other"));
    let export = visitor.read("/audit.jsonl").await;
    let lines: Vec<serde_json::Value> = export
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!lines.is_empty());
    assert!(
        lines.iter().all(|entry| entry["target"] == "other"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_page_offers_nobody_what_they_may_not_do() {
    let place = Place::open().await;
    let visitor = Visitor::new(&place.console);
    visitor.sign_in("viewer", USER_PASSWORD).await;
    let plan = format!("/t/app/plans/{}", place.ids["/t/{target}/plans"]);
    let job = format!("/jobs/{}", place.ids["/jobs"]);
    let paths = [
        "/",
        "/t/app",
        "/t/app/migrations",
        "/t/app/plans",
        &plan,
        "/t/app/backups",
        "/t/app/settings",
        &job,
    ];
    for path in paths {
        let page = visitor.read(path).await;
        for own in ["/logout", "/theme"] {
            assert!(
                page.has(&format!("form[method=post][action='{own}']")),
                "{path}"
            );
        }
        let offers = page.text.matches("method=\"post\"").count();
        assert_eq!(offers, 2, "{path}: {}", page.text);
        assert!(!page.text.contains("/download"), "{path}");
    }
    let words = visitor.read(&plan).await.words();
    assert!(words.contains("takes the role operator on app"), "{words}");
}

#[test]
fn only_an_approver_approves_on_the_terminal() {
    let scene = Scene::about_to_approve();
    for (name, role, code) in [
        ("operator", "operator", NOT_SO),
        ("nobody", "viewer@app", NOT_SO),
        ("approver", "approver@app", DONE),
    ] {
        add(&scene.console, name, &[role.to_owned()]);
        let args = [
            "plan",
            "approve",
            "--yes",
            "--reason",
            "it is dead",
            "--user",
            name,
            "--password-stdin",
        ];
        let said = scene.console.cli_with_input(&args, USER_PASSWORD);
        let said = Said::of(said, &args, code);
        if code == NOT_SO {
            said.says(&["takes the role approver", "Nothing was approved."]);
        }
    }
}

fn add(console: &Console, name: &str, roles: &[String]) {
    let mut args = vec!["user", "add", name, "--password-stdin"];
    args.extend(roles.iter().flat_map(|role| ["--role", role]));
    Said::of(console.cli_with_input(&args, USER_PASSWORD), &args, DONE);
}
