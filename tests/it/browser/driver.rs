//! Decides how the tests drive a browser: one Chromium and one `ChromeDriver` for each test, both on ports of their own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fantoccini::wd::{Capabilities, TimeoutConfiguration};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::client::{Call, PATIENCE};

/// What a window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// 1440 × 900 pixels.
    Desk,
    /// 390 × 844 points, and fingers.
    Phone,
}

/// A browser with one window. Dropping it ends it.
pub(super) struct Browser {
    runtime: Runtime,
    client: Client,
    address: std::net::SocketAddr,
    _driver: Driver,
    downloads: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Else it would outlive its driver, which is killed.
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}

/// `ChromeDriver` as a process.
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
            .expect("there is a chromedriver: `make test-browser` installs it");
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("started successfully on port") {
            line.clear();
            assert_ne!(
                said.read_line(&mut line).unwrap(),
                0,
                "ChromeDriver has ended"
            );
        }
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        // Nobody reads on; it may not stand still for that.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
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
    let mut wanted = Capabilities::new();
    wanted.insert("goog:chromeOptions".to_owned(), options);
    wanted.insert(
        "goog:loggingPrefs".to_owned(),
        json!({"browser": "ALL", "performance": "ALL"}),
    );
    wanted
}

impl Browser {
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
            let patience = TimeoutConfiguration::new(Some(PATIENCE), Some(PATIENCE), None);
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

    pub(super) fn go(&self, url: &str) {
        self.runtime.block_on(self.client.goto(url)).unwrap();
    }

    /// What a script returns.
    #[track_caller]
    pub(super) fn script(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.runtime
            .block_on(self.client.execute(script, arguments))
            .unwrap()
    }

    /// Waits until an expression is true.
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
            self.picture("failed");
            panic!(
                "it never came to {expression}:\n{}",
                self.script("return document.body.innerText", vec![])
            );
        }
    }

    #[track_caller]
    pub(super) fn text(&self, id: &str) -> String {
        self.script(
            "return document.getElementById(arguments[0]).innerText",
            vec![id.into()],
        )
        .as_str()
        .unwrap_or_else(|| panic!("there is no {id}"))
        .to_owned()
    }

    #[track_caller]
    pub(super) fn click(&self, css: &str) {
        self.runtime
            .block_on(async { self.client.find(Locator::Css(css)).await?.click().await })
            .unwrap();
    }

    /// Types into an element, or hands files to one that takes them.
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

    /// Types into whatever has the focus.
    #[track_caller]
    pub(super) fn press(&self, key: fantoccini::key::Key) {
        let key = char::from(key).to_string();
        self.runtime
            .block_on(async { self.client.active_element().await?.send_keys(&key).await })
            .unwrap();
    }

    #[track_caller]
    pub(super) fn choose(&self, files: &[PathBuf]) {
        let files: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
        self.type_into("#files", &files.join("\n"));
    }

    /// Keeps a picture of the window under `target/browser`, for people.
    pub(super) fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser");
        fs_err::create_dir_all(&folder).unwrap();
        let png = self.runtime.block_on(self.client.screenshot()).unwrap();
        fs_err::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// What the browser has noted since it was asked last, of its console or of its network.
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

    /// What the console has to complain about.
    pub(super) fn complaints(&self) -> Vec<String> {
        let all = self.log("browser").into_iter();
        let bad =
            all.filter(|entry| ["SEVERE", "WARNING"].contains(&entry["level"].as_str().unwrap()));
        bad.map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The addresses of all that was asked for.
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

    /// Waits for a file that is saved, and reads it. Chromium takes its name with an empty file before the whole one replaces that.
    #[track_caller]
    pub(super) fn saved(&self, ending: &str) -> Vec<u8> {
        let given_up = std::time::Instant::now() + PATIENCE;
        while std::time::Instant::now() < given_up {
            for entry in fs_err::read_dir(self.downloads.path()).unwrap() {
                let path = entry.unwrap().path();
                if path.to_str().unwrap().ends_with(ending) {
                    let bytes = fs_err::read(path).unwrap();
                    if !bytes.is_empty() {
                        return bytes;
                    }
                }
            }
            std::thread::yield_now();
        }
        panic!("no file that ends with {ending} was saved");
    }
}
