//! Every form of every page, with hostile text in every field, and every page read for what must not stand there.

use std::collections::{BTreeSet, VecDeque};

use reqwest::{Method, StatusCode};
use scraper::{ElementRef, Html, Selector};

use crate::scene::{Scene, cluster};
use crate::support::console::USER_PASSWORD;
use crate::support::visitor::{Page, Visitor, send};

/// What stands in pages only when it was not escaped.
const MARK: &str = "<script>alert(1)";
const HOSTILE: [&str; 7] = [
    "\"><script>alert(1)</script>",
    "'; DROP TABLE \"user\"; --",
    "a\r\nSet-Cookie: stolen=1\r\n\r\nb",
    "nul\0bell\u{7}escape\u{1b}[2J",
    "\u{202e}🚀 \u{2066}x\u{2069}",
    "-1",
    "99999999999999999999999999999999",
];
/// The fewest pages and forms that the walk must meet, so that it does not end early unnoticed.
const PAGES: usize = 20;
const FORMS: usize = 7;

/// A form as it stands on a page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    action: String,
    /// Name, value, and whether it is a secret that each wrong try slows down.
    fields: Vec<(String, String, bool)>,
}

fn select<'a>(of: ElementRef<'a>, selector: &str) -> Vec<ElementRef<'a>> {
    of.select(&Selector::parse(selector).unwrap()).collect()
}

fn attribute(of: ElementRef<'_>, name: &str) -> String {
    of.value().attr(name).unwrap_or_default().to_owned()
}

fn forms(page: &Page) -> Vec<Form> {
    let document = Html::parse_document(&page.text);
    let forms = select(document.root_element(), "form[method=post]");
    let read = |form: ElementRef<'_>| Form {
        action: attribute(form, "action"),
        fields: select(form, "[name]")
            .into_iter()
            .map(|field| {
                let value = match field.value().name() {
                    "select" => select(field, "option[value]")
                        .first()
                        .map(|option| attribute(*option, "value"))
                        .unwrap_or_default(),
                    _ => attribute(field, "value"),
                };
                let secret = attribute(field, "type") == "password";
                (attribute(field, "name"), value, secret)
            })
            .collect(),
    };
    forms.into_iter().map(read).collect()
}

fn links(page: &Page) -> Vec<String> {
    let document = Html::parse_document(&page.text);
    let hrefs = select(document.root_element(), "a[href^='/']");
    let plain = |link: ElementRef<'_>| {
        let href = attribute(link, "href");
        href.split('#').next().unwrap_or_default().to_owned()
    };
    let data = ["/download", "/log", "/events", ".jsonl"];
    hrefs
        .into_iter()
        .map(plain)
        .filter(|href| !data.iter().any(|end| href.contains(end)))
        .collect()
}

/// Every page that can be reached by links, and what was read there.
async fn walk(visitor: &Visitor) -> Vec<(String, Page)> {
    let mut seen = BTreeSet::new();
    let mut ahead = VecDeque::from(["/".to_owned()]);
    let mut pages = Vec::new();
    while let Some(path) = ahead.pop_front() {
        if pages.len() == 120 || !seen.insert(path.clone()) {
            continue;
        }
        let page = visitor.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.words());
        ahead.extend(links(&page));
        pages.push((path, page));
    }
    pages
}

fn scene() -> Scene {
    let mut scene = Scene::about_to_approve();
    scene.console.serve();
    scene
}

/// Sends a form with `value` in one field, or with what stands in it.
async fn submit(visitor: &Visitor, form: &Form, at: usize, value: &str) -> Page {
    let fields: Vec<(&str, &str)> = form
        .fields
        .iter()
        .enumerate()
        .map(|(n, (name, own, _))| (name.as_str(), if n == at { value } else { own.as_str() }))
        .collect();
    visitor.post(&form.action, &fields).await
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures of the walk")]
async fn no_form_is_broken_by_what_is_typed() {
    let scene = scene();
    let visitor = Visitor::signed_in(&scene.console).await;
    let pages = walk(&visitor).await;
    let mut all: Vec<Form> = pages.iter().flat_map(|(_, page)| forms(page)).collect();
    all.sort();
    all.dedup_by(|a, b| a.action == b.action);
    all.retain(|form| form.action != "/logout");
    // Whoever decides that everybody needs a second factor, and has none, is led away from everything else.
    all.sort_by_key(|form| form.action.ends_with("/second-factor"));
    let (mut sent, mut fields) = (0, 0);
    for form in &all {
        for (at, (name, _, secret)) in form.fields.iter().enumerate() {
            fields += 1;
            let tries = if *secret { 1 } else { HOSTILE.len() };
            for value in &HOSTILE[..tries] {
                let page = submit(&visitor, form, at, value).await;
                let what = format!("{} {name}={value:?}: {}", form.action, page.words());
                sent += 1;
                assert!(!page.status.is_server_error(), "{what}");
                assert!(!page.text.contains(MARK), "{what}");
                assert_eq!(
                    page.header("set-cookie").matches("stolen").count(),
                    0,
                    "{what}"
                );
                assert!(!page.location().contains(['\r', '\n']), "{what}");
                assert!(!page.location().contains("//"), "{what}");
            }
        }
        let huge = "x".repeat(70_000);
        if !form.fields.is_empty() && !form.action.ends_with("/second-factor") {
            let page = submit(&visitor, form, 0, &huge).await;
            assert_eq!(
                page.status,
                StatusCode::PAYLOAD_TOO_LARGE,
                "{}",
                form.action
            );
        }
        let binary = visitor
            .request(Method::POST, &form.action)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(vec![0xff, 0xfe, b'=', 0x80, b'%', b'z', b'z']);
        let page = send(binary).await;
        assert!(
            !page.status.is_server_error(),
            "{}: {}",
            form.action,
            page.text
        );
    }
    println!(
        "{} pages, {} forms, {fields} fields, {sent} hostile texts",
        pages.len(),
        all.len()
    );
    assert!(pages.len() >= PAGES && all.len() >= FORMS, "{all:#?}");
    scene
        .console
        .tamper("DELETE FROM policy WHERE name LIKE 'second_factor%'")
        .await;
    // What was typed and kept stands on the pages now, as text.
    let after = walk(&Visitor::signed_in(&scene.console).await).await;
    for (path, page) in &after {
        assert!(!page.text.contains(MARK), "{path}");
    }
}

#[tokio::test]
async fn no_secret_stands_on_any_page_in_the_log_or_the_audit() {
    let scene = scene();
    let visitor = Visitor::new(&scene.console);
    let signed_in = visitor.sign_in("ada", USER_PASSWORD).await;
    let cookie = signed_in.cookie("lockkeeper");
    let cookie = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    let url = cluster().url(&scene.database);
    let password = url.split([':', '@']).nth(2).unwrap().to_owned();
    assert!(password.len() > 5, "{url}");
    let secrets = [
        ("password of a user", USER_PASSWORD.to_owned()),
        ("session", cookie),
        ("password of the database", password),
        ("hash of a password", "$argon2id$".to_owned()),
    ];
    let mut read: Vec<(String, String)> = walk(&visitor)
        .await
        .into_iter()
        .map(|(path, page)| (path, page.text))
        .collect();
    for path in ["/audit.jsonl", "/metrics"] {
        read.push((path.to_owned(), visitor.get(path).await.text));
    }
    read.push(("the log".to_owned(), scene.console.log()));
    for (place, text) in &read {
        for (what, secret) in &secrets {
            assert!(!text.contains(secret), "the {what} stands in {place}");
        }
    }
    assert!(read.len() >= PAGES);
}
