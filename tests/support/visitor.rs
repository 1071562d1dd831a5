//! Somebody with a browser: keeps cookies, follows nothing by itself, and says where its requests come from as browsers
//! do.

use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, StatusCode, redirect};
use scraper::{Html, Selector};

use super::console::{Console, USER, USER_PASSWORD};

/// A visitor of one console.
pub struct Visitor {
    client: Client,
    base: String,
}

/// What came back.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// The bytes as text, when they are.
    pub text: String,
}

impl Visitor {
    /// Somebody who is not signed in.
    pub fn new(console: &Console) -> Self {
        let client = Client::builder()
            .cookie_store(true)
            .redirect(redirect::Policy::none())
            .timeout(Duration::from_mins(1))
            .no_proxy()
            .build()
            .unwrap();
        Self {
            client,
            base: console.url(""),
        }
    }

    /// The user of the tests, signed in.
    pub async fn signed_in(console: &Console) -> Self {
        let visitor = Self::new(console);
        let page = visitor.sign_in(USER, USER_PASSWORD).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
        visitor
    }

    /// Sends the form of the sign-in page.
    pub async fn sign_in(&self, name: &str, password: &str) -> Page {
        self.post("/login", &[("name", name), ("password", password)])
            .await
    }

    /// A request that is not sent yet.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Page {
        send(self.request(Method::GET, path)).await
    }

    /// Opens a page that must be there; its text.
    pub async fn read(&self, path: &str) -> Page {
        let page = self.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        page
    }

    /// Sends a form from a page of the console.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        let request = self
            .request(Method::POST, path)
            .header("sec-fetch-site", HeaderValue::from_static("same-origin"));
        send(request.form(form)).await
    }

    /// Sends a form that starts a job; the job's page.
    pub async fn start(&self, path: &str, form: &[(&str, &str)]) -> String {
        let page = self.post(path, form).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}: {}", page.text);
        let job = page.location();
        assert!(job.starts_with("/jobs/"), "{path} led to {job}");
        job
    }

    /// Waits until the job of that page is in one of `states`; the page.
    pub async fn wait(&self, job: &str, states: &[&str], limit: Duration) -> Page {
        let deadline = Instant::now() + limit;
        loop {
            let page = self.read(job).await;
            let state = page.one("#job-state");
            if states.contains(&state.as_str()) {
                return page;
            }
            assert!(
                Instant::now() < deadline,
                "{job} is {state}, not {states:?}: {}",
                page.words()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the job of that page says `text` in its log.
    pub async fn wait_for_log(&self, job: &str, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.read(job).await.words().contains(text) {
            assert!(Instant::now() < deadline, "{job} never said {text}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Sends a request and reads all of the answer.
pub async fn send(request: RequestBuilder) -> Page {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.unwrap().to_vec();
    Page {
        status,
        headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        bytes,
    }
}

impl Page {
    /// Where it leads.
    pub fn location(&self) -> String {
        self.header("location")
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> String {
        let value = self.headers.get(name);
        value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    }

    /// The whole `Set-Cookie` line of that cookie, or nothing.
    pub fn cookie(&self, name: &str) -> String {
        let begin = format!("{name}=");
        let lines = self.headers.get_all("set-cookie").iter();
        lines
            .map(|line| line.to_str().unwrap())
            .find(|line| line.starts_with(&begin))
            .unwrap_or_default()
            .to_owned()
    }

    /// What a person reads of the page: its text without markup, with single spaces.
    pub fn words(&self) -> String {
        self.text_of("body")
    }

    /// The text of the first element, which must be there.
    pub fn one(&self, selector: &str) -> String {
        assert!(self.has(selector), "no {selector} in {}", self.text);
        self.text_of(selector)
    }

    /// Whether there is such an element.
    pub fn has(&self, selector: &str) -> bool {
        let selector = Selector::parse(selector).unwrap();
        Html::parse_document(&self.text)
            .select(&selector)
            .next()
            .is_some()
    }

    /// An attribute of the first element, which must be there.
    pub fn attribute(&self, selector: &str, name: &str) -> String {
        let parsed = Selector::parse(selector).unwrap();
        let document = Html::parse_document(&self.text);
        let element = document.select(&parsed).next();
        let value = element.and_then(|element| element.value().attr(name));
        value
            .unwrap_or_else(|| panic!("no {selector} with {name} in {}", self.text))
            .to_owned()
    }

    /// The value of a hidden field of the form.
    pub fn field(&self, name: &str) -> String {
        self.attribute(&format!("input[name={name}]"), "value")
    }

    fn text_of(&self, selector: &str) -> String {
        let selector = Selector::parse(selector).unwrap();
        let document = Html::parse_document(&self.text);
        let text: Vec<&str> = document
            .select(&selector)
            .next()
            .map(|element| element.text().flat_map(str::split_whitespace).collect())
            .unwrap_or_default();
        text.join(" ")
    }
}
