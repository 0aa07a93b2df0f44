//! The clients of the tests: an HTTP client, and a raw connection for clients that break the protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;

use lungfield_codec::rle;
use lungfield_radiograph::mask::Mask;
pub(crate) use lungfield_testing::TEST_TIMEOUT;
use serde_json::Value;
use ureq::http::{Request, Version};
use ureq::tls::TlsConfig;
use ureq::{Agent, SendBody};

/// The boundary of the forms.
pub(crate) const BOUNDARY: &str = "a-boundary";

/// A request that is being built. Each is sent on its own connection.
pub(crate) struct Call {
    tls: Option<TlsConfig>,
    method: &'static str,
    address: SocketAddr,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    chunked: bool,
}

impl Call {
    pub(crate) fn new(method: &'static str, address: SocketAddr, path: &str) -> Self {
        let body = (method == "POST").then(Vec::new);
        Self {
            tls: None,
            method,
            address,
            path: path.to_owned(),
            headers: Vec::new(),
            body,
            chunked: false,
        }
    }

    /// Uses TLS.
    pub(crate) fn encrypted(mut self, tls: TlsConfig) -> Self {
        self.tls = Some(tls);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Sets a raw body.
    pub(crate) fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some(bytes.into());
        self
    }

    /// Sets a form of these parts as the body.
    pub(crate) fn form(self, parts: &[(&str, &[u8])]) -> Self {
        let media = format!("multipart/form-data; boundary={BOUNDARY}");
        self.header("content-type", &media).body(form(parts))
    }

    /// Sends the body in chunks, without its length.
    pub(crate) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    #[track_caller]
    pub(crate) fn send(self) -> Reply {
        self.try_send().expect("the server answers")
    }

    /// Sends the request to a server that may refuse the connection.
    pub(crate) fn try_send(self) -> Result<Reply, ureq::Error> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TEST_TIMEOUT))
            .max_idle_connections(0)
            .proxy(None)
            .accept("")
            .allow_non_standard_methods(true)
            .tls_config(self.tls.unwrap_or_default());
        let agent = config.build().new_agent();
        let url = format!("{scheme}://{}{}", self.address, self.path);
        let mut request = Request::builder()
            .method(self.method)
            .uri(url)
            .version(Version::HTTP_11);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = match self.body {
            None => agent.run(request.body(()).unwrap()),
            Some(bytes) if self.chunked => {
                let body = SendBody::from_owned_reader(std::io::Cursor::new(bytes));
                agent.run(request.body(body).unwrap())
            }
            Some(bytes) => agent.run(request.body(bytes).unwrap()),
        };
        let mut response = response?;
        let value = |value: &ureq::http::HeaderValue| value.to_str().unwrap().to_owned();
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(name, text)| (name.to_string(), value(text)))
                .collect(),
            body: response
                .body_mut()
                .with_config()
                .limit(1 << 30)
                .read_to_vec()?,
        })
    }

    /// Sends the request from another thread.
    pub(crate) fn start(self) -> JoinHandle<Reply> {
        std::thread::spawn(move || self.send())
    }
}

/// Encodes a form. The file names and media types of its parts are wrong on purpose, since the server must ignore them.
pub(crate) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in parts {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"../secret.exe\"\r\n\
             Content-Type: text/html\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Returns the value of a header, and asserts that it occurs once at most.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|header| header.0 == name)
            .map(|header| header.1.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} came twice");
        value
    }

    /// Returns all headers, in their order.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the JSON of a segmented film.
    #[track_caller]
    pub(crate) fn segmented(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.json()
    }

    /// Returns the mask in the JSON of a segmented film.
    #[track_caller]
    pub(crate) fn mask(&self) -> Mask {
        rle::from_json(self.segmented()["mask"].to_string().as_bytes(), u64::MAX)
            .unwrap()
            .to_mask()
    }

    /// Asserts that the response is a problem with this status and code, and with all fields of a problem.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(
            (self.status, problem["code"].as_str()),
            (status, Some(code)),
            "{problem}"
        );
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        for prose in ["title", "detail"] {
            assert!(!problem[prose].as_str().unwrap().is_empty(), "{problem}");
        }
        assert_eq!(problem.as_object().unwrap().len(), 6, "{problem}");
        assert_eq!(self.header("retry-after"), (status == 503).then_some("1"));
    }
}

/// A raw connection.
pub(crate) struct Raw(TcpStream);

impl Raw {
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TEST_TIMEOUT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// Opens a connection, and sends the head of a request and this part of its body.
    #[track_caller]
    pub(crate) fn begin(address: SocketAddr, length: usize, path: &str, body: &[u8]) -> Self {
        let mut raw = Self::connect(address);
        raw.write(
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
                .as_bytes(),
        );
        raw.write(body);
        raw
    }

    /// Opens a connection, and sends the head of a request with `Expect: 100-continue`.
    #[track_caller]
    pub(crate) fn ask_first(address: SocketAddr, length: usize) -> Self {
        let mut raw = Self::connect(address);
        let head = "POST /v1/segment HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length";
        raw.write(format!("{head}: {length}\r\n\r\n").as_bytes());
        raw
    }

    #[track_caller]
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("the server reads");
    }

    /// Closes the sending half of the connection.
    pub(crate) fn finish(&mut self) {
        self.0.shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Reads the next response, which must have a length; an interim response (1xx) has no body.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("the server answers");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let (status, headers) = head.split_once("\r\n").unwrap();
        let headers = headers.lines().filter_map(|line| line.split_once(": "));
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        let length = reply
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        reply.body.resize(length, 0);
        self.0.read_exact(&mut reply.body).unwrap();
        reply
    }

    /// Waits until the server has closed the connection, and returns what it sent before.
    #[track_caller]
    pub(crate) fn last_words(&mut self) -> Vec<u8> {
        let mut words = Vec::new();
        match self.0.read_to_end(&mut words) {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
            _ => words,
        }
    }
}
