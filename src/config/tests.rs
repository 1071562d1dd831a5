//! Settings from files, variables and flags, and every way in which they are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;

fn folder(toml: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(FILE), toml).unwrap();
    folder
}

fn load(folder: &TempDir, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env = Environment::of(folder.path(), variables.iter().copied());
    Config::load(&Flags::default(), &env)
}

fn refusal(toml: &str) -> String {
    load(&folder(toml), &[]).unwrap_err().to_string()
}

#[test]
fn nothing_at_all_gives_the_defaults() {
    let empty = TempDir::new().unwrap();
    let config = load(&empty, &[]).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8090");
    assert_eq!(config.server.public_url, "http://127.0.0.1:8090");
    let file = empty.path().join("lockkeeper-data/store.db");
    assert_eq!(config.store.file.as_ref(), Some(&file));
    assert_eq!(
        config.store.url.expose_secret(),
        format!("sqlite://{}", file.display())
    );
    assert!(!config.store.given);
    assert_eq!(config.archive.folder, empty.path().join("backups"));
    assert_eq!(config.auth.session_hours, 12);
    assert_eq!(config.auth.setup_minutes, 60);
    assert_eq!(config.worker.at_once, 4);
    assert!(config.metrics.enabled);
    assert!(config.metrics.token.is_none());
    assert!(config.targets.is_empty());
    assert_eq!(config.origin.to_string(), "environment");
}

#[test]
fn a_whole_file_is_read() {
    let folder = folder(
        r#"
        [server]
        listen = "0.0.0.0:80"
        public_url = "https://keeper.example/"
        [store]
        url = "data/mine?.db"
        [archive]
        folder = "/srv/backups"
        [auth]
        session_hours = 3
        setup_minutes = "5"
        [[target]]
        name = "shop"
        url = "postgresql://a:b@c/shop"
        migrations = "api/migrations"
        time_zone = "Europe/Berlin"
        [[target]]
        name = "blog_2"
        environment = "staging"
        url = "postgresql://a:b@c/blog"
        "#,
    );
    let config = load(&folder, &[]).unwrap();
    assert_eq!(config.server.public_url, "https://keeper.example");
    assert_eq!(
        config.store.file.unwrap(),
        folder.path().join("data/mine"),
        "relative to the file's folder"
    );
    assert_eq!(config.archive.folder, Path::new("/srv/backups"));
    assert_eq!(
        (config.auth.session_hours, config.auth.setup_minutes),
        (3, 5)
    );
    let [shop, blog] = config.targets.as_slice() else {
        panic!("two targets")
    };
    assert_eq!(shop.environment, TargetEnvironment::Production);
    assert_eq!(shop.migrations, folder.path().join("api/migrations"));
    assert_eq!(shop.time_zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(blog.environment, TargetEnvironment::Staging);
    assert_eq!(blog.time_zone, jiff::tz::TimeZone::UTC);
    assert_eq!(blog.migrations, folder.path().join("prisma/migrations"));
    assert_eq!(config.origin, Origin::File(folder.path().join(FILE)));
}

#[test]
fn unknown_names_are_refused_with_line_and_neighbour() {
    assert_eq!(
        refusal("\n[server]\nlisen = \"x\""),
        "unknown key `lisen` in [server], line 3; did you mean `listen`?"
    );
    assert_eq!(
        refusal("[sever]"),
        "unknown section `sever`, line 1; did you mean `server`?"
    );
    assert_eq!(
        refusal("[[target]]\nname = \"a\"\nmigration = \"x\""),
        "unknown key `migration` in [[target]], line 3; did you mean `migrations`?"
    );
    assert_eq!(
        refusal("[server]\nqqq = 1"),
        "unknown key `qqq` in [server], line 2"
    );
    assert_eq!(
        refusal("[[target]]\nname = \"a\"\nurl = \"x\"\nenvironment = \"prod\""),
        "unknown environment `prod` of target `a`, line 4; did you mean `production`?"
    );
    assert_eq!(
        refusal("[[target]]\nname = \"a\"\nurl = \"x\"\ntime_zone = \"Europe/Berlinn\""),
        "unknown time zone `Europe/Berlinn` of target `a`, line 4; did you mean `Europe/Berlin`?"
    );
}

#[test]
fn wrong_shapes_are_refused() {
    assert!(refusal("[server]\nlisten = true").contains("line 2, must be a text"));
    assert!(refusal("server = 1").contains("must be a section"));
    assert!(refusal("[target]\nname = \"a\"").contains("[[target]]"));
    assert!(refusal("[server]\nlisten = \"8090\"").contains("must be an address and a port"));
    assert!(refusal("[auth]\nsession_hours = 0").contains("from 1 to 8760"));
    assert!(refusal("[server]\npublic_url = \"https://a.b/x\"").contains("at the root"));
    assert!(refusal("[server]\npublic_url = \"ftp://a.b\"").contains("https://"));
    assert!(refusal("[store]\nurl = \"mysql://x\"").contains("postgresql://"));
    assert!(refusal("[store]\nurl = \"sqlite::memory:\"").contains("in memory"));
}

#[test]
fn broken_toml_is_refused_without_quoting_the_line() {
    let said = refusal("[store]\nurl = \"postgresql://a:hunter2@b/c");
    assert!(said.contains("line 2, is not TOML"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn targets_are_checked() {
    assert!(refusal("[[target]]\nurl = \"x\"").contains("number 1 has no `name`"));
    assert!(refusal("[[target]]\nname = \"a\"").contains("neither `url` nor `url_file`"));
    assert!(
        refusal("[[target]]\nname = \"A b\"\nurl = \"x\"").contains("cannot be a target's name")
    );
    let twice = "[[target]]\nname = \"a\"\nurl = \"x\"\n".repeat(2);
    assert!(refusal(&twice).contains("Two targets are named `a`"));
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let folder = folder("[server]\nlisten = \"127.0.0.1:1\"\n[store]\nurl_file = \"missing\"");
    let variables = [
        ("LOCKKEEPER_SERVER_LISTEN", "127.0.0.1:2"),
        ("LOCKKEEPER_STORE_URL", "postgres://u:p@h/store"),
        ("LOCKKEEPER_ARCHIVE_FOLDER", ""),
    ];
    let config = load(&folder, &variables).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert!(config.store.file.is_none(), "url displaces url_file");

    let flags = Flags {
        listen: Some("localhost:3".to_owned()),
        store_url: Some("other.db".into()),
        ..Flags::default()
    };
    let env = Environment::of(folder.path(), variables);
    let config = Config::load(&flags, &env).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:3");
    assert_eq!(config.store.file, Some(folder.path().join("other.db")));
}

#[test]
fn unknown_variables_are_refused_or_named() {
    let empty = TempDir::new().unwrap();
    let refused = load(&empty, &[("LOCKKEEPER_SERVER_LISEN", "x")]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "unknown variable `LOCKKEEPER_SERVER_LISEN`; did you mean `LOCKKEEPER_SERVER_LISTEN`?"
    );
    let config = load(
        &empty,
        &[
            ("LOCKKEEPER_LOGG", "x"),
            ("LOCKKEEPER_LOG", "info"),
            ("LOCKKEEPER_ADMIN_URL", "postgres://secret"),
        ],
    )
    .unwrap();
    assert_eq!(config.log.as_deref(), Some("info"));
    assert!(config.admin_url.is_some());
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].contains("did you mean `LOCKKEEPER_LOG`"));
}

#[test]
fn a_named_file_must_exist() {
    let empty = TempDir::new().unwrap();
    let refused = load(&empty, &[("LOCKKEEPER_CONFIG", "other.toml")]).unwrap_err();
    assert!(refused.to_string().contains("other.toml cannot be read"));
}

#[test]
fn secrets_come_from_files_without_their_newline() {
    let folder = folder("[[target]]\nname = \"a\"\nurl_file = \"url\"");
    let path = folder.path().join("url");
    fs::write(&path, "postgres://u:p@h/d\r\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let config = load(&folder, &[]).unwrap();
    assert_eq!(config.targets[0].url.expose_secret(), "postgres://u:p@h/d");
    assert!(config.warnings.is_empty());

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let config = load(&folder, &[]).unwrap();
    assert!(config.warnings[0].contains("every user of this machine"));

    fs::write(&path, "\n").unwrap();
    assert!(
        load(&folder, &[])
            .unwrap_err()
            .to_string()
            .contains("is empty")
    );
    fs::remove_file(&path).unwrap();
    assert!(
        load(&folder, &[])
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
}

#[test]
fn a_secret_given_twice_is_refused() {
    let said = refusal("[store]\nurl = \"a\"\nurl_file = \"b\"");
    assert!(said.contains("say the same thing"), "{said}");
    let empty = TempDir::new().unwrap();
    let both = [("DATABASE_URL", "a"), ("DATABASE_URL_FILE", "b")];
    assert!(load(&empty, &both).is_err());
    let both = [
        ("LOCKKEEPER_STORE_URL", "a"),
        ("LOCKKEEPER_STORE_URL_FILE", "b"),
    ];
    assert!(load(&empty, &both).is_err());
}

#[test]
fn a_bare_database_url_makes_one_target() {
    let empty = TempDir::new().unwrap();
    for (url, name) in [
        ("postgresql://u:p@h/Shop%20Nr1?schema=x", "shop-nr1"),
        ("postgresql://u:p@h/_Ünder", "nder"),
        ("postgresql://u:p@h", "postgres"),
        ("not a url", "postgres"),
    ] {
        let config = load(&empty, &[("DATABASE_URL", url)]).unwrap();
        assert_eq!(config.targets[0].name, name, "{url}");
        assert_eq!(
            config.targets[0].migrations,
            empty.path().join("prisma/migrations")
        );
    }
    let flags = Flags {
        database_url: Some("postgres://u:p@h/flagged".into()),
        migrations: Some("elsewhere".into()),
        ..Flags::default()
    };
    let env = Environment::of(empty.path(), [("DATABASE_URL", "postgres://u:p@h/env")]);
    let config = Config::load(&flags, &env).unwrap();
    assert_eq!(config.targets.len(), 1);
    assert_eq!(config.targets[0].name, "flagged");
    assert_eq!(config.targets[0].migrations, empty.path().join("elsewhere"));
}

#[test]
fn migrations_flag_needs_a_single_target() {
    let flags = Flags {
        migrations: Some("m".into()),
        ..Flags::default()
    };
    let one = folder("[[target]]\nname = \"a\"\nurl = \"x\"\n");
    let env = Environment::of(one.path(), []);
    let config = Config::load(&flags, &env).unwrap();
    assert_eq!(config.target("a").unwrap().migrations, one.path().join("m"));

    let two =
        folder("[[target]]\nname = \"a\"\nurl = \"x\"\n[[target]]\nname = \"b\"\nurl = \"x\"\n");
    let env = Environment::of(two.path(), []);
    assert!(Config::load(&flags, &env).is_err());
}

#[test]
fn debug_shows_no_secret() {
    let folder = folder(
        "[store]\nurl = \"postgres://u:hunter2@h/s\"\n[metrics]\ntoken = \"hunter2-and-some-more\"\n[[target]]\nname = \"a\"\nurl = \"postgres://u:hunter2@h/d\"",
    );
    let config = load(
        &folder,
        &[("LOCKKEEPER_ADMIN_URL", "postgres://u:hunter2@h/d")],
    )
    .unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn the_figures_are_read_by_who_knows_a_good_token() {
    let folder =
        folder("[worker]\nat_once = 7\n[metrics]\nenabled = false\ntoken_file = \"token\"");
    let path = folder.path().join("token");
    fs::write(&path, "0123456789abcdef\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let config = load(&folder, &[]).unwrap();
    assert!(!config.metrics.enabled);
    assert_eq!(config.worker.at_once, 7);
    let token = config.metrics.token.unwrap();
    assert_eq!(token.expose_secret(), "0123456789abcdef");

    let variables = [
        ("LOCKKEEPER_METRICS_TOKEN", "another-good-token"),
        ("LOCKKEEPER_METRICS_ENABLED", "true"),
        ("LOCKKEEPER_WORKER_AT_ONCE", "32"),
    ];
    let config = load(&folder, &variables).unwrap();
    assert!(config.metrics.enabled);
    assert_eq!(config.worker.at_once, 32);
    let token = config.metrics.token.unwrap();
    assert_eq!(token.expose_secret(), "another-good-token");

    for token in [
        "0123456789abcde",
        "0123456789 abcdef",
        "0123456789abcd\u{e9}",
    ] {
        let said = refusal(&format!("[metrics]\ntoken = \"{token}\""));
        assert!(said.contains("(line 2) must have at least 16"), "{said}");
        assert!(!said.contains(token), "{said}");
    }
    assert!(refusal("[metrics]\ntoken = \"a\"\ntoken_file = \"b\"").contains("the same thing"));
    assert!(refusal("[metrics]\nenabled = \"maybe\"").contains("must be true or false"));
    assert!(refusal("[worker]\nat_once = 33").contains("from 1 to 32"));
}
