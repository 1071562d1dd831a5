//! Which mail servers and webhooks are taken, and that what is refused keeps its secret.

use super::super::{Config, Environment, FILE, Flags};
use super::*;

fn load(toml: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), toml).unwrap();
    let env = Environment::of(folder.path(), []);
    Config::load(&Flags::default(), &env).map_err(|error| error.to_string())
}

fn refusal(toml: &str) -> String {
    load(toml).unwrap_err()
}

#[test]
fn a_mail_server_is_read_from_its_url() {
    let read = |url: &str| {
        let smtp = load(&format!(
            "[smtp]\nurl = \"{url}\"\nfrom = \"Lockkeeper <k@x.example>\""
        ));
        smtp.unwrap().smtp.unwrap()
    };
    let smtp = read("smtps://ada%40x:p%2Bq+%26%3D@mail.example");
    assert_eq!((smtp.host.as_str(), smtp.port), ("mail.example", 465));
    assert_eq!(smtp.tls, SmtpTls::Wrapped);
    let (user, password) = smtp.login.unwrap();
    assert_eq!(
        (user.as_str(), password.expose_secret()),
        ("ada@x", "p+q+&=")
    );
    let smtp = read("smtp://mail.example");
    assert_eq!((smtp.port, smtp.tls), (587, SmtpTls::Required));
    for url in [
        "smtp://localhost:25",
        "smtp://[::1]:25",
        "smtp://127.0.0.1:25",
    ] {
        let smtp = read(url);
        assert_eq!((smtp.port, smtp.tls), (25, SmtpTls::None), "{url}");
        assert!(!smtp.host.contains('['), "{}", smtp.host);
    }
}

#[test]
fn what_cannot_send_mail_is_refused_without_its_password() {
    for (url, why) in [
        ("mail.example", "is not a URL"),
        ("http://u:hidden@mail.example", "must begin with smtps://"),
        ("smtps://u:hidden@mail.example/x", "must end after"),
        ("smtps://u@mail.example", "must have a user and a password"),
        ("smtps:///x", "names no host"),
    ] {
        let told = refusal(&format!("[smtp]\nurl = \"{url}\"\nfrom = \"k@x.example\""));
        assert!(told.contains(why) && told.contains("line 2"), "{told}");
        assert!(!told.contains("hidden"), "{told}");
    }
    let told = refusal("[smtp]\nurl = \"smtps://m.example\"");
    assert!(told.contains("no `from`"), "{told}");
    let told = refusal("[smtp]\nurl = \"smtps://m.example\"\nfrom = \"a\\nb\"");
    assert!(told.contains("(line 3)"), "{told}");
    assert!(refusal("[smtp]\nfrom = \"k@x.example\"").contains("neither"));
}

#[test]
fn a_webhook_has_a_name_a_way_and_a_key() {
    let config = load(
        "[[webhook]]\nname = \"ops\"\nurl = \"https://hooks.example/T0/hidden\"\n\
         secret = \"whsec_MDEyMzQ1Njc4OWFiY2RlZg==\"\n\
         [[webhook]]\nname = \"chat\"\nurl = \"http://10.0.0.7:8065/h\"\nallow_private = true\nformat = \"slack\"",
    )
    .unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let ops = config.webhook("ops").unwrap();
    assert_eq!(ops.host, "hooks.example");
    assert_eq!(ops.key.as_ref().unwrap().bytes(), b"0123456789abcdef");
    assert_eq!(config.webhook("chat").unwrap().format, WebhookFormat::Slack);
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("hidden") && !shown.contains("whsec"),
        "{shown}"
    );
}

#[test]
fn a_webhook_that_cannot_be_used_is_refused() {
    for (lines, why) in [
        ("name = \"Ops\"", "cannot be a webhook's name"),
        ("name = \"ops\"", "neither `url` nor `url_file`"),
        (
            "name = \"ops\"\nurl = \"http://hooks.example/hidden\"",
            "only with `allow_private",
        ),
        (
            "name = \"ops\"\nurl = \"ftp://hooks.example/hidden\"",
            "must begin with https://",
        ),
        (
            "name = \"ops\"\nurl = \"https://h.example\"\nsecret = \"hidden\"",
            "at least 16",
        ),
        (
            "name = \"ops\"\nurl = \"https://h.example\"\nsecret = \"whsec_hidden\"",
            "at least 16",
        ),
        (
            "name = \"ops\"\nurl = \"https://h.example\"\nformat = \"slak\"",
            "did you mean `slack`?",
        ),
        (
            "name = \"ops\"\nurl = \"https://h.example\"\nallow_private = \"maybe\"",
            "true or false",
        ),
        (
            "nam = \"ops\"",
            "unknown key `nam` in [[webhook]], line 2; did you mean `name`?",
        ),
    ] {
        let told = refusal(&format!("[[webhook]]\n{lines}"));
        assert!(told.contains(why), "{told}");
        assert!(!told.contains("hidden"), "{told}");
    }
    let twice = "[[webhook]]\nname = \"a\"\nurl = \"https://h.example\"\n".repeat(2);
    assert!(refusal(&twice).contains("Two webhooks"));
    assert!(refusal("[webhook]\nname = \"a\"").contains("must be written [[webhook]]"));
    let unsigned = load("[[webhook]]\nname = \"a\"\nurl = \"https://h.example\"").unwrap();
    assert!(unsigned.warnings[0].contains("has no `secret`"));
}
