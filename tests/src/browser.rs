//! A real browser: Debian's chromium, driven through chromedriver as WebDriver has it
//! ([W3C WebDriver](https://www.w3.org/TR/webdriver2/)).

use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::command::program;
use crate::free_port;

/// The driver must answer this soon after its start.
const START_WITHIN: Duration = Duration::from_secs(60);
/// What is waited for must be on the page this soon, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// The key of an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser window of its own. It ends when dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Opens one, with an empty profile. It takes any certificate, and knows no host but this
    /// machine's address.
    pub async fn start() -> Self {
        let driver = program("ACME_TEST_CHROMEDRIVER", "chromedriver");
        let chromium = program("ACME_TEST_CHROMIUM", "chromium");
        let (port, profile) = (free_port(), TempDir::new().unwrap());
        let child = Command::new(&driver)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // With it ends what it has started.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", driver.display()));
        let mut browser = Self {
            driver: child,
            port,
            session: String::new(),
            _profile: profile,
        };
        let started = Instant::now();
        while browser.exchange("GET", "/status", None).await.is_err() {
            assert!(started.elapsed() < START_WITHIN, "no answer of the driver");
            sleep(Duration::from_millis(50)).await;
        }
        let arguments = [
            "--headless=new".to_owned(),
            // The tests may run as root, where chromium has no sandbox.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--no-first-run".to_owned(),
            "--window-size=1100,900".to_owned(),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
            format!("--user-data-dir={}", browser._profile.path().display()),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let made = browser.exchange("POST", "/session", Some(&wanted)).await;
        let made = made.unwrap_or_else(|error| panic!("no browser: {error}"));
        browser.session = made["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.ask("POST", "/url", &json!({ "url": url })).await;
    }

    /// Runs a script in the page and returns what it returns; what its last argument is called with,
    /// when it is asynchronous.
    pub async fn run(&self, script: &str) -> Value {
        let body = json!({"script": script, "args": []});
        self.ask("POST", "/execute/sync", &body).await
    }

    /// The same for a script that calls its last argument when it is done.
    pub async fn run_async(&self, script: &str) -> Value {
        let body = json!({"script": script, "args": []});
        self.ask("POST", "/execute/async", &body).await
    }

    /// The text of the first element that the selector finds, as it is seen.
    pub async fn text(&self, selector: &str) -> Option<String> {
        let selector = json!(selector);
        let script = format!("return document.querySelector({selector})?.innerText ?? null");
        self.run(&script).await.as_str().map(str::to_owned)
    }

    /// How many elements the selector finds.
    pub async fn count(&self, selector: &str) -> u64 {
        let script = format!(
            "return document.querySelectorAll({}).length",
            json!(selector)
        );
        self.run(&script).await.as_u64().unwrap()
    }

    /// Waits until the text of what the selector finds is as wanted; returns it.
    pub async fn wait_for(&self, selector: &str, is_wanted: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let text = self.text(selector).await;
            if let Some(text) = &text
                && is_wanted(text)
            {
                return text.clone();
            }
            if started.elapsed() > PATIENCE {
                let page = self.text("body").await.unwrap_or_default();
                panic!("{selector} is {text:?}; the page:\n{page}");
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Clicks on what the selector finds, as a person would: it must be seen and reached.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        let path = format!("/element/{element}/click");
        self.ask("POST", &path, &json!({})).await;
    }

    /// Types into the field that the selector finds, in place of what is there.
    pub async fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        let path = format!("/element/{element}");
        self.ask("POST", &format!("{path}/clear"), &json!({})).await;
        let body = json!({ "text": text });
        self.ask("POST", &format!("{path}/value"), &body).await;
    }

    /// Makes the page light or dark, as a person's system would.
    pub async fn color_scheme(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.develop(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    /// Makes the window as large as this, in CSS pixels.
    pub async fn size(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.develop("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// Lets the pages that are opened from now on run no script.
    pub async fn without_scripts(&self) {
        self.develop(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": true}),
        )
        .await;
    }

    /// A picture of what is seen, PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        let picture = self.exchange("GET", &self.path("/screenshot"), None).await;
        STANDARD.decode(picture.unwrap().as_str().unwrap()).unwrap()
    }

    /// What the browser has complained about since it was last asked.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self
            .ask("POST", "/se/log", &json!({"type": "browser"}))
            .await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let text = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.iter().map(text).collect()
    }

    /// Every address that the page was made from.
    pub async fn fetched(&self) -> Vec<String> {
        let script = "return performance.getEntriesByType('resource').map(one => one.name)";
        let names = self.run(script).await;
        serde_json::from_value(names).unwrap()
    }

    async fn develop(&self, command: &str, parameters: Value) {
        let body = json!({"cmd": command, "params": parameters});
        self.ask("POST", "/goog/cdp/execute", &body).await;
    }

    async fn element(&self, selector: &str) -> String {
        let body = json!({"using": "css selector", "value": selector});
        let found = self.ask("POST", "/element", &body).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.exchange(method, &self.path(path), Some(body)).await;
        answer.unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    fn path(&self, path: &str) -> String {
        format!("/session/{}{path}", self.session)
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let io = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            // The driver keeps the connection open however it is asked.
            while !is_whole(&answer) && stream.read_buf(&mut answer).await? > 0 {}
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
        };
        let answer = io.await.map_err(|error| error.to_string())?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no whole answer")?;
        let value: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let status = head.split(' ').nth(1);
        if status == Some("200") {
            Ok(value["value"].clone())
        } else {
            Err(value["value"]["message"].to_string())
        }
    }
}

/// Whether all of an answer has come.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let body = answer.len() - (head.len() + 4);
    length.is_some_and(|length: usize| body >= length)
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.driver.wait();
    }
}

/// The rules of axe-core, as a script.
#[must_use]
pub fn axe() -> String {
    let Some(path) = std::env::var_os("ACME_TEST_AXE") else {
        panic!("axe-core is missing: run the tests by `cargo xtask test`, or set ACME_TEST_AXE");
    };
    std::fs::read_to_string(Path::new(&path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
