//! Drives Chromium through `ChromeDriver`. Each test starts its own pair, on free ports.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fantoccini::wd::{Capabilities, TimeoutConfiguration};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::client::{Call, TEST_TIMEOUT};

/// The screen of a browser window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// 1440 × 900 pixels.
    Desktop,
    /// 390 × 844 points, with touch.
    Phone,
}

/// A browser with one window, closed on drop.
pub(super) struct Browser {
    runtime: Runtime,
    client: Client,
    address: std::net::SocketAddr,
    _driver: Driver,
    downloads: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser would outlive the driver, which is killed.
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}

/// A `ChromeDriver` process, killed on drop.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Driver {
    fn start() -> (Self, std::net::SocketAddr) {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed (`make test-system` does that)");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("started successfully on port") {
            line.clear();
            assert_ne!(
                output.read_line(&mut line).unwrap(),
                0,
                "ChromeDriver exited"
            );
        }
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        // The rest of the output is read so that a full pipe does not block ChromeDriver.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        (
            Self(child),
            ([127, 0, 0, 1], digits.parse().unwrap()).into(),
        )
    }
}

fn capabilities(screen: Screen, downloads: &Path) -> Capabilities {
    let mut options = json!({
        "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--window-size=1440,900",
        ],
        "prefs": {"download.default_directory": downloads},
    });
    if screen == Screen::Phone {
        let metrics = json!({"width": 390, "height": 844, "pixelRatio": 2.0, "touch": true});
        options["mobileEmulation"] = json!({"deviceMetrics": metrics});
    }
    let mut capabilities = Capabilities::new();
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities.insert(
        "goog:loggingPrefs".to_owned(),
        json!({"browser": "ALL", "performance": "ALL"}),
    );
    capabilities
}

impl Browser {
    /// Starts a browser and opens `url`.
    pub(super) fn open(screen: Screen, url: &str) -> Self {
        let (driver, address) = Driver::start();
        let downloads = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(async {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities(screen, downloads.path()));
            let client = builder.connect(&format!("http://{address}")).await.unwrap();
            let patience = TimeoutConfiguration::new(Some(TEST_TIMEOUT), Some(TEST_TIMEOUT), None);
            client.update_timeouts(patience).await.unwrap();
            client
        });
        let browser = Self {
            runtime,
            client,
            address,
            _driver: driver,
            downloads,
        };
        browser.go(url);
        browser
    }

    /// Opens `url` in the window.
    pub(super) fn go(&self, url: &str) {
        self.runtime.block_on(self.client.goto(url)).unwrap();
    }

    /// Runs a script and returns its result.
    #[track_caller]
    pub(super) fn script(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.runtime
            .block_on(self.client.execute(script, arguments))
            .unwrap()
    }

    /// Waits until a JavaScript expression is true.
    #[track_caller]
    pub(super) fn wait(&self, expression: &str) {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (function look() {{ if ({expression}) done(true); else setTimeout(look, 10); }})();"
        );
        if self
            .runtime
            .block_on(self.client.execute_async(&script, vec![]))
            .is_err()
        {
            self.screenshot("failed");
            panic!(
                "timed out waiting for {expression}; the page shows:\n{}",
                self.script("return document.body.innerText", vec![])
            );
        }
    }

    /// Returns the visible text of an element.
    #[track_caller]
    pub(super) fn text(&self, id: &str) -> String {
        self.script(
            "return document.getElementById(arguments[0]).innerText",
            vec![id.into()],
        )
        .as_str()
        .unwrap_or_else(|| panic!("no element {id}"))
        .to_owned()
    }

    #[track_caller]
    pub(super) fn click(&self, css: &str) {
        self.runtime
            .block_on(async { self.client.find(Locator::Css(css)).await?.click().await })
            .unwrap();
    }

    /// Types into an element. For a file input, `text` holds the paths of the files, one in each line.
    #[track_caller]
    pub(super) fn type_into(&self, css: &str, text: &str) {
        let typed = async {
            self.client
                .find(Locator::Css(css))
                .await?
                .send_keys(text)
                .await
        };
        self.runtime.block_on(typed).unwrap();
    }

    /// Presses a key in the focused element.
    #[track_caller]
    pub(super) fn press(&self, key: fantoccini::key::Key) {
        let key = char::from(key).to_string();
        self.runtime
            .block_on(async { self.client.active_element().await?.send_keys(&key).await })
            .unwrap();
    }

    /// Chooses files in the file input of the page.
    #[track_caller]
    pub(super) fn choose(&self, files: &[PathBuf]) {
        let files: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
        self.type_into("#files", &files.join("\n"));
    }

    /// Saves a screenshot of the window in `target/browser`.
    pub(super) fn screenshot(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser");
        fs_err::create_dir_all(&folder).unwrap();
        let png = self.runtime.block_on(self.client.screenshot()).unwrap();
        fs_err::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// Returns the entries of a log of the browser since the last call: `browser` for the console, `performance` for the network.
    fn log(&self, kind: &str) -> Vec<Value> {
        let session = self
            .runtime
            .block_on(self.client.session_id())
            .unwrap()
            .unwrap();
        let path = format!("/session/{session}/se/log");
        let call =
            Call::new("POST", self.address, &path).header("content-type", "application/json");
        let answer = call.body(json!({"type": kind}).to_string()).send().json();
        answer["value"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
            .clone()
    }

    /// Returns the errors and warnings in the console since the last call.
    pub(super) fn console_errors(&self) -> Vec<String> {
        let all = self.log("browser").into_iter();
        let bad =
            all.filter(|entry| ["SEVERE", "WARNING"].contains(&entry["level"].as_str().unwrap()));
        bad.map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Returns the URLs of all requests since the last call.
    pub(super) fn requests(&self) -> Vec<String> {
        let events = self.log("performance").into_iter();
        let events = events.map(|entry| {
            serde_json::from_str::<Value>(entry["message"].as_str().unwrap()).unwrap()
        });
        let sent = events.filter(|event| event["message"]["method"] == "Network.requestWillBeSent");
        sent.map(|event| {
            event["message"]["params"]["request"]["url"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
    }

    /// Waits for a downloaded file and returns its bytes. Chromium creates an empty file first and replaces it by the whole one.
    #[track_caller]
    pub(super) fn downloaded(&self, suffix: &str) -> Vec<u8> {
        let deadline = std::time::Instant::now() + TEST_TIMEOUT;
        while std::time::Instant::now() < deadline {
            for entry in fs_err::read_dir(self.downloads.path()).unwrap() {
                let path = entry.unwrap().path();
                if path.to_str().unwrap().ends_with(suffix) {
                    let bytes = fs_err::read(path).unwrap();
                    if !bytes.is_empty() {
                        return bytes;
                    }
                }
            }
            std::thread::yield_now();
        }
        panic!("no file *{suffix} was downloaded");
    }
}
