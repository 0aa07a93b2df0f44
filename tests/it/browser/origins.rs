//! Tests of other pages that use the API: the example of another origin, and the description that can be tried.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::driver::{Browser, Screen};
use super::{Files, page, serve};

/// Hands out the files of the example, from an origin of its own.
fn example() -> SocketAddr {
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
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()); // the browser may have left
        }
    });
    address
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_page_of_another_origin_may_ask_where_it_is_named_and_nowhere_else() {
    let (named, other, files) = (example(), example(), Files::draw(256));
    let server = serve(&[&format!("--cors-origin=http://{named}")]);
    let browser = Browser::open(Screen::Desk, &format!("http://{named}/"));
    let ask = |origin: SocketAddr| {
        browser.go(&format!("http://{origin}/"));
        let script = "document.getElementById('server').value = arguments[0]";
        browser.script(script, vec![format!("http://{}", server.address).into()]);
        browser.type_into("#film", files.film().to_str().unwrap());
        browser.wait("/lung:|failed/.test(document.getElementById('status').textContent)");
        browser.text("status")
    };
    let said = ask(named);
    assert!(
        said.contains("right lung: ") && said.contains("left lung: "),
        "{said}"
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
    let pixels: u64 = said
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|text| text.parse::<u64>().ok())
        .sum();
    assert_eq!(
        red[2], pixels,
        "as many pixels are red as the answer counts"
    );
    browser.picture("example");
    assert!(ask(other).contains("The request failed"));
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn the_description_is_shown_and_can_be_tried() {
    let server = serve(&[]);
    let browser = Browser::open(Screen::Desk, &format!("{}docs", page(&server)));
    let description = server.get("/openapi.yaml").send().body;
    let described = String::from_utf8(description)
        .unwrap()
        .matches("operationId:")
        .count();
    browser.wait(&format!(
        "document.querySelectorAll('.opblock').length === {described}"
    ));
    browser.picture("docs");
    browser.click("#operations-service-getModel .opblock-summary-control");
    browser.wait("document.querySelector('#operations-service-getModel .execute')");
    browser.click("#operations-service-getModel .execute");
    browser.wait("/lungfield-segnet/.test(document.querySelector('#operations-service-getModel .live-responses-table')?.innerText)");
    browser.picture("docs-tried");
    assert_eq!(browser.complaints(), [""; 0]);
    let home = page(&server);
    let asked = browser.requests();
    let elsewhere: Vec<_> = asked
        .iter()
        .filter(|url| !url.starts_with(&home) && !url.starts_with("data:"))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}
