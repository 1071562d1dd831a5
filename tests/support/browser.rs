//! A headless Chromium for tests, driven through a chromedriver of its own; both stop when it is dropped.
//!
//! Every page it shows is held to the same rules by [`Browser::inspect`]: see `inspect.js`. What the browser itself
//! complains about, such as a violated content security policy, counts as well.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::CapabilitiesHelper;
use thirtyfour::prelude::*;

/// The screens that pages are looked at on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// A laptop.
    Wide,
    /// A small telephone.
    Narrow,
}

impl Screen {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Wide => (1280, 900),
            Self::Narrow => (360, 800),
        }
    }
}

/// Chromium on one tab.
pub struct Browser {
    driver: Option<WebDriver>,
    server: Child,
    port: u16,
    origin: String,
    screen: Screen,
    faults: RefCell<Vec<String>>,
    profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a wide, light tab. Paths are taken below `origin`, such as `http://127.0.0.1:8090`.
    pub async fn open(origin: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let port = free_port();
        let server = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed");
        let mut browser = Self {
            driver: None,
            server,
            port,
            origin: origin.to_owned(),
            screen: Screen::Wide,
            faults: RefCell::default(),
            profile,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "chromedriver did not start");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let capabilities = capabilities(browser.profile.path());
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .unwrap();
        browser.driver = Some(driver);
        browser.look(Screen::Wide, false).await;
        browser
    }

    fn driver(&self) -> &WebDriver {
        self.driver.as_ref().unwrap()
    }

    async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let sent = self.driver().cdp().send_raw(method, parameters).await;
        sent.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Changes the screen and the colours that the system asks for.
    pub async fn look(&mut self, screen: Screen, dark: bool) {
        self.screen = screen;
        let (width, height) = screen.size();
        self.resize(width, height).await;
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features}))
            .await;
    }

    async fn resize(&self, width: u32, height: u32) {
        let mobile = self.screen == Screen::Narrow;
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Takes the pages' scripts away. What [`Browser::eval`] asks still works.
    pub async fn without_scripts(&self) {
        self.devtools(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": true}),
        )
        .await;
    }

    /// Lets no byte of a stream of events through, as a tunnel that collects them does.
    pub async fn without_streams(&self) {
        let dummy = "window.EventSource = class { addEventListener() {} close() {} }";
        self.devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({"source": dummy}),
        )
        .await;
    }

    /// Goes to a path of the console.
    pub async fn go(&self, path: &str) {
        let url = format!("{}{path}", self.origin);
        self.driver().goto(url).await.unwrap();
    }

    /// The path and query of the page.
    pub async fn path(&self) -> String {
        let url = self.driver().current_url().await.unwrap();
        url.as_str().trim_start_matches(&self.origin).to_owned()
    }

    /// The value of a JavaScript function body.
    pub async fn eval(&self, body: &str) -> Value {
        let done = self.driver().execute(body, Vec::new()).await;
        done.unwrap_or_else(|error| panic!("{body}: {error}"))
            .json()
            .clone()
    }

    /// What is read on the page.
    pub async fn text(&self) -> String {
        self.text_of("body").await
    }

    /// What is read in the first element of a selector.
    pub async fn text_of(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    async fn find(&self, css: &str) -> WebElement {
        match self.driver().find(By::Css(css)).await {
            Ok(found) => found,
            Err(error) => panic!("{css} is not on {}: {error}", self.path().await),
        }
    }

    /// How many elements match.
    pub async fn count(&self, css: &str) -> usize {
        self.driver().find_all(By::Css(css)).await.unwrap().len()
    }

    /// Clicks on what leads to another page, and waits for that page.
    pub async fn click(&self, css: &str) {
        // The answer to a form may take its time, and the driver does not always wait for it.
        self.eval("document.documentElement.dataset.old = 'yes'")
            .await;
        self.touch(css).await;
        let deadline = Instant::now() + Duration::from_secs(30);
        let arrived =
            "return document.readyState === 'complete' && !document.documentElement.dataset.old";
        // While one page makes room for the next there is nothing to ask.
        while !matches!(self.driver().execute(arrived, Vec::new()).await, Ok(at) if *at.json() == json!(true))
        {
            assert!(Instant::now() < deadline, "{css} led to no other page");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Clicks on what changes this page.
    pub async fn touch(&self, css: &str) {
        let element = self.find(css).await;
        let _shown = element.scroll_into_view().await;
        element.click().await.unwrap();
    }

    /// Replaces what stands in a field.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses keys where the focus is.
    pub async fn press(&self, keys: impl AsRef<str>) {
        let chain = self.driver().action_chain().send_keys(keys.as_ref());
        chain.perform().await.unwrap();
    }

    /// Waits until the page reads `text`, reloads included.
    pub async fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            // Between two pages there is no body.
            let read = match self.driver().find(By::Css("body")).await {
                Ok(body) => body.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if read.contains(text) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "“{text}” did not come; the page reads:\n{read}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Holds the page to the rules on this screen; what is wrong is told by [`Browser::must_be_sound`].
    pub async fn inspect(&self) {
        let found = self.eval(include_str!("inspect.js")).await;
        let path = self.path().await;
        let found = found.as_array().unwrap().iter();
        let faults = found.map(|fault| format!("{path} {:?}: {fault}", self.screen));
        self.faults.borrow_mut().extend(faults);
    }

    /// Notes what the browser has complained about since the last time. `but_for` names what belongs to the test.
    pub async fn listen(&self, but_for: &[&str]) {
        let log = self.driver().browser_log().await.unwrap();
        let complaints = log
            .into_iter()
            .map(|entry| format!("{} {}", entry.level, entry.message))
            .filter(|line| !but_for.iter().any(|known| line.contains(known)));
        self.faults.borrow_mut().extend(complaints);
    }

    /// Fails with everything that was wrong with the pages so far.
    pub async fn must_be_sound(&self) {
        self.listen(&[]).await;
        let mut faults = self.faults.take();
        faults.dedup();
        assert!(faults.is_empty(), "{faults:#?}");
    }

    /// Inspects the page on both screens and in both colours, and keeps a picture of each in `target/screenshots`.
    pub async fn picture(&mut self, name: &str) {
        let before = self.screen;
        for (suffix, screen, dark) in [
            ("wide", Screen::Wide, false),
            ("360", Screen::Narrow, false),
            ("dark", Screen::Wide, true),
            ("360-dark", Screen::Narrow, true),
        ] {
            self.look(screen, dark).await;
            self.inspect().await;
            let whole = self
                .eval("return document.documentElement.scrollHeight")
                .await;
            let (width, least) = screen.size();
            let height = u32::try_from(whole.as_u64().unwrap()).unwrap();
            self.resize(width, height.clamp(least, 8_000)).await;
            let file = pictures().join(format!("{name}-{suffix}.png"));
            self.driver().screenshot(&file).await.unwrap();
        }
        self.look(before, false).await;
        self.listen(&[]).await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver's own farewell is asynchronous; this one takes the browser along and is over when it returns.
        if let Some(driver) = self.driver.take() {
            let _kept = driver.leak();
        }
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _timeout = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let asked = stream.write_all(
                b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            );
            let _answer = asked.and_then(|()| stream.read_to_end(&mut Vec::new()));
        }
        let _gone = self.server.kill();
        let _gone = self.server.wait();
    }
}

fn capabilities(profile: &std::path::Path) -> thirtyfour::ChromeCapabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    for flag in [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--force-prefers-reduced-motion",
    ] {
        capabilities.add_arg(flag).unwrap();
    }
    let profile = format!("--user-data-dir={}", profile.display());
    capabilities.add_arg(&profile).unwrap();
    capabilities
        .set("goog:loggingPrefs", json!({"browser": "ALL"}))
        .unwrap();
    capabilities
}

/// `target/screenshots`, beside the binary under test.
fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
