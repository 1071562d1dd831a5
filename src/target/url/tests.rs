//! URLs as people and hosters write them.

use super::*;

fn parse(text: &str) -> Result<DatabaseUrl, Trouble> {
    DatabaseUrl::parse(&text.into(), Path::new("/base"))
}

fn said(text: &str) -> String {
    let trouble = parse(text).unwrap_err();
    format!("{} {} {}", trouble.what, trouble.data, trouble.next)
}

#[test]
fn the_parts_are_percent_decoded_and_have_prismas_defaults() {
    let url =
        parse("postgresql://us%40er:p%23%2F%25w@db.example:6000/my%20db%2F1?schema=a%20b").unwrap();
    assert_eq!(url.user, "us@er");
    assert_eq!(url.password.as_ref().unwrap().expose_secret(), "p#/%w");
    assert_eq!(url.database, "my db/1");
    assert_eq!(url.schema.as_deref(), Some("a b"));
    assert_eq!(url.safe(), "db.example:6000/my db/1");

    let url = parse("postgres://u@h").unwrap();
    assert_eq!((url.port, url.database.as_str()), (5432, "postgres"));
    assert!(url.password.is_none());
    assert_eq!(url.encryption, Encryption::Prefer);
    assert_eq!(url.trust, Trust::Anything);
    assert_eq!(url.connect_timeout, Some(Duration::from_secs(5)));
    assert_eq!(url.checked_schema(), "public");
    assert_eq!(parse("postgres://u@h/").unwrap().database, "postgres");
}

#[test]
fn hosts_may_be_addresses_and_sockets() {
    let url = parse("postgres://u@[::1]:5433/d").unwrap();
    assert_eq!(url.host, Host::Tcp("::1".to_owned()));
    assert_eq!(url.safe(), "[::1]:5433/d");
    let url = parse("postgres://u@localhost/d?host=/var/run/postgresql").unwrap();
    assert_eq!(url.host, Host::Socket("/var/run/postgresql".into()));
    assert_eq!(url.address(), "/var/run/postgresql/.s.PGSQL.5432");
    let url = parse("postgres://u@%2Fvar%2Frun/d").unwrap();
    assert_eq!(url.host, Host::Socket("/var/run".into()));
    let url = parse("postgres://u@h/d?host=other").unwrap();
    assert_eq!(url.host, Host::Tcp("other".to_owned()));
}

#[test]
fn certificates_are_checked_when_anything_asks_for_it() {
    for (query, encryption, trust) in [
        ("sslmode=disable", Encryption::Disable, Trust::Anything),
        ("sslmode=require", Encryption::Require, Trust::Anything),
        ("sslmode=allow", Encryption::Prefer, Trust::Anything),
        ("sslmode=verify-ca", Encryption::Require, Trust::Authority),
        (
            "sslmode=verify-full",
            Encryption::Require,
            Trust::AuthorityAndName,
        ),
        (
            "sslaccept=strict",
            Encryption::Prefer,
            Trust::AuthorityAndName,
        ),
        (
            "sslaccept=strikt",
            Encryption::Prefer,
            Trust::AuthorityAndName,
        ),
        (
            "sslaccept=accept_invalid_certs&sslmode=verify-full",
            Encryption::Require,
            Trust::AuthorityAndName,
        ),
        (
            "sslmode=verify-ca&sslaccept=strict",
            Encryption::Require,
            Trust::AuthorityAndName,
        ),
    ] {
        let url = parse(&format!("postgres://u@h/d?{query}")).unwrap();
        assert_eq!((url.encryption, url.trust), (encryption, trust), "{query}");
    }
    let url = parse("postgres://u@h/d?sslcert=ca.pem").unwrap();
    assert_eq!(url.authority.as_deref(), Some(Path::new("/base/ca.pem")));
    assert!(url.warnings[0].contains("sslaccept=strict"));
    let url = parse("postgres://u@h/d?sslmode=verify-ca&sslrootcert=/etc/ca.pem").unwrap();
    assert_eq!(url.authority.as_deref(), Some(Path::new("/etc/ca.pem")));
    assert!(url.warnings.is_empty());
}

#[test]
fn pool_parameters_are_read_and_bad_numbers_refused() {
    let url = parse(
        "postgres://u@h/d?connection_limit=5&pool_timeout=0&connect_timeout=0&application_name=x&options=-c%20a%3Db",
    )
    .unwrap();
    assert_eq!(url.connect_timeout, None);
    assert_eq!(url.options.as_deref(), Some("-c a=b"));
    assert!(url.warnings.is_empty(), "{:?}", url.warnings);
    assert!(said("postgres://u@h/d?connection_limit=many").contains("connection_limit"));
    assert!(said("postgres://u@h/d?connect_timeout=-1").contains("connect_timeout"));
    assert!(said("postgres://u@h/d?pgbouncer=yes").contains("true or false"));
}

#[test]
fn unknown_parameters_are_named_without_their_value() {
    let url = parse("postgres://u@h/d?foo=hunter2&sslidentity=x.p12").unwrap();
    assert_eq!(url.warnings.len(), 2);
    assert!(url.warnings[0].contains("foo"));
    assert!(!url.warnings.concat().contains("hunter2"));
}

#[test]
fn poolers_are_recognised_unless_denied() {
    for (text, pooled) in [
        ("postgres://u@h/d", false),
        ("postgres://u@h/d?pgbouncer=true", true),
        ("postgres://u@h:6543/d", true),
        ("postgres://u@h:6543/d?pgbouncer=false", false),
        ("postgres://u@ep-x-pooler.eu.example/d", true),
    ] {
        assert_eq!(parse(text).unwrap().pooler.is_some(), pooled, "{text}");
    }
}

#[test]
fn other_schemes_are_refused_with_the_reason() {
    assert!(said("prisma://accelerate.example/?api_key=hunter2").contains("Prisma proxy"));
    assert!(said("prisma+postgres://x/?api_key=hunter2").contains("directUrl"));
    assert!(said("mysql://u@h/d").contains("does not begin with"));
    assert!(said("hunter2").contains("does not begin with"));
}

#[test]
fn no_error_repeats_the_password() {
    for text in [
        "postgresql://u:hunter2#x@h:5432/d",
        "postgresql://u:hunter2/x@h:5432/d",
        "postgresql://u:hunter2?x@h:5432/d",
        "postgresql://u:hunter2@x@h:port/d",
        "postgresql://u:hunter2%FF@h/d",
        "postgresql://:hunter2@h/d",
        "postgresql://u:hunter2@h:99999/d",
        "postgresql://u:hunter2@/d",
        "postgresql://u:hunter2@h/a/b",
        "postgresql://u:hunter2@h/a?schema=%00",
        "hunter2://u@h",
    ] {
        let said = said(text);
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert!(said("postgresql://u:hunter2#x@h:5432/d").contains("percent-encoded"));
    let url = parse("postgresql://u:hunter2@h/d").unwrap();
    assert!(!format!("{url:?}").contains("hunter2"));
}
