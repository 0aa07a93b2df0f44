//! Tests of the example page of another origin and of the API description in Swagger UI.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::driver::{Browser, Screen};
use super::{Files, page, serve, to_other_origins};

/// Serves the example page from a new origin and returns its address.
fn serve_example() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok);
            let Some(line) = head.next() else { continue };
            head.take_while(|line| !line.is_empty()).for_each(drop);
            let (name, kind) = match line.split(' ').nth(1) {
                Some("/app.js") => ("app.js", "text/javascript"),
                _ => ("index.html", "text/html"),
            };
            let file = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("examples/web")
                .join(name);
            let body = fs_err::read(file).unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()); // the browser may have closed the connection
        }
    });
    address
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn only_an_allowed_origin_can_use_the_api() {
    let (allowed, other, files) = (serve_example(), serve_example(), Files::draw(256));
    let server = serve(&[&format!("--cors-origin=http://{allowed}")]);
    let browser = Browser::open(Screen::Desktop, &format!("http://{allowed}/"));
    let segment = |origin: SocketAddr| {
        browser.go(&format!("http://{origin}/"));
        let script = "document.getElementById('server').value = arguments[0]";
        browser.script(script, vec![format!("http://{}", server.address).into()]);
        browser.type_into("#film", files.film().to_str().unwrap());
        browser.wait("/lung:|failed/.test(document.getElementById('status').textContent)");
        browser.text("status")
    };
    let status = segment(allowed);
    assert!(
        status.contains("right lung: ") && status.contains("left lung: "),
        "{status}"
    );
    let red = browser.script(
        "const { width, height } = document.getElementById('preview');
         const all = document.getElementById('preview').getContext('2d').getImageData(0, 0, width, height).data;
         let red = 0;
         for (let at = 0; at < all.length; at += 4) red += all[at] > all[at + 1] + 30;
         return [width, height, red];",
        vec![],
    );
    assert_eq!((&red[0], &red[1]), (&256.into(), &256.into()));
    let pixels: u64 = status
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|text| text.parse::<u64>().ok())
        .sum();
    assert_eq!(
        red[2], pixels,
        "the number of red pixels is the area in the response"
    );
    browser.screenshot("example");
    assert!(segment(other).contains("The request failed"));
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn swagger_ui_shows_the_description_and_sends_requests() {
    let server = serve(&[]);
    let browser = Browser::open(Screen::Desktop, &format!("{}docs", page(&server)));
    let description = server.get("/openapi.yaml").send().body;
    let described = String::from_utf8(description)
        .unwrap()
        .matches("operationId:")
        .count();
    browser.wait(&format!(
        "document.querySelectorAll('.opblock').length === {described}"
    ));
    browser.screenshot("docs");
    browser.click("#operations-service-getModel .opblock-summary-control");
    browser.wait("document.querySelector('#operations-service-getModel .execute')");
    browser.click("#operations-service-getModel .execute");
    browser.wait("/lungfield-segnet/.test(document.querySelector('#operations-service-getModel .live-responses-table')?.innerText)");
    browser.screenshot("docs-tried");
    assert_eq!(browser.console_errors(), [""; 0]);
    let requests = browser.requests();
    assert_eq!(
        to_other_origins(&requests, &page(&server), "data:"),
        [""; 0]
    );
}
