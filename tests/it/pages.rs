//! Tests of the page, of Swagger UI, of the sample, and of the request options that the page uses: `format=film` and `reference=echo`.

use lungfield_codec::rle;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
use png::{BitDepth, ColorType};

use crate::client::Reply;
use crate::dicom_films::Object;
use crate::samples::{Picture, SIDE, film, film_of, lungs, some_lungs};
use crate::server::Server;

fn policy(reply: &Reply) -> Vec<&str> {
    reply
        .header("content-security-policy")
        .unwrap()
        .split("; ")
        .collect()
}

#[test]
fn the_pages_load_nothing_from_other_servers() {
    let server = Server::echo();
    for path in ["/", "/docs"] {
        let page = server.get(path).send();
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        let policy = policy(&page);
        assert!(
            policy.contains(&"default-src 'none'") && policy.contains(&"script-src 'self'"),
            "{policy:?}"
        );
        let text = String::from_utf8(page.body).unwrap();
        for elsewhere in ["http:", "https:", "\"//"] {
            assert!(!text.contains(elsewhere), "{path} contains {elsewhere}");
        }
        for file in text
            .split(['"', '\''])
            .filter(|text| text.starts_with("/web/") || text.starts_with("/docs/"))
        {
            assert_eq!(
                server.get(file).send().status,
                200,
                "{path} requests {file}"
            );
        }
    }
    assert!(policy(&server.get("/").send()).contains(&"style-src 'self'"));
    for nothing in ["nothing.js", "%ff", "%c3%28", "..%2fCargo.toml"] {
        server
            .get(&format!("/web/{nothing}"))
            .send()
            .assert_problem(404, "not_found");
    }
}

#[test]
fn a_page_is_revalidated_and_sent_only_if_it_has_changed() {
    let server = Server::echo();
    let first = server.get("/").send();
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let tag = first.header("etag").unwrap();
    for known in [tag, &format!("W/{tag}"), &format!("\"other\", {tag}"), "*"] {
        let again = server.get("/").header("if-none-match", known).send();
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
    }
    assert_eq!(
        server
            .get("/")
            .header("if-none-match", "\"older\"")
            .send()
            .body,
        first.body
    );
}

#[test]
fn the_sample_is_the_phantom_and_its_mask() {
    let server = Server::echo();
    let [film, mask] =
        ["film", "mask"].map(|name| server.get(&format!("/sample/{name}.png")).send());
    assert_eq!(film.header("content-type"), Some("image/png"));
    let size = lungfield_radiograph::geometry::Size::square(1024).unwrap();
    let phantom = Phantom::draw(&PhantomOptions {
        seed: 1,
        size,
        depth: Depth::Eight,
    });
    assert_eq!(Picture::read(&mask.body).mask(), phantom.mask);
    assert_eq!(
        film.body,
        lungfield_codec::png::encode_radiograph(&phantom.film)
    );
}

#[test]
fn format_film_returns_the_decoded_film_without_running_the_model() {
    let server = Server::echo();
    let mask = lungs(some_lungs().size(), 9);
    let dicom = Object::showing(&mask).inverted().file();
    for film in [film_of(&mask), dicom] {
        let shown = server.post("/v1/segment?format=film").body(film).send();
        assert_eq!(
            (shown.status, shown.header("content-type")),
            (200, Some("image/png"))
        );
        assert_eq!(shown.header("cache-control"), Some("no-store"));
        assert!(
            shown
                .header("server-timing")
                .unwrap()
                .starts_with("decode;dur=")
        );
        assert_eq!(shown.header("lungfield-model"), None);
        let shown = Picture::read(&shown.body);
        assert_eq!(
            (shown.color, shown.depth),
            (ColorType::Grayscale, BitDepth::Eight)
        );
        assert_eq!(shown.mask(), mask);
    }
    assert!(server.passes.batch_sizes().is_empty());
    server
        .post("/v1/segment?format=film")
        .body("no film")
        .send()
        .assert_problem(415, "unrecognised_image");
}

#[test]
fn reference_echo_returns_the_reference_mask() {
    let server = Server::echo();
    let reference = lungs(some_lungs().size(), 5);
    let segmentation = server
        .post("/v1/segment?format=dicom-seg")
        .body(Object::showing(&reference).file())
        .send();
    for file in [film_of(&reference), segmentation.body] {
        let ask = |query: &str| {
            let call = server.post(&format!("/v1/segment?{query}"));
            call.form(&[("image", &film()), ("ground_truth", &file)])
                .send()
                .segmented()
        };
        for form in ["compressed", "counts"] {
            let echoed = ask(&format!("reference=echo&rle={form}"));
            let read =
                rle::from_json(echoed["reference_mask"].to_string().as_bytes(), u64::MAX).unwrap();
            assert_eq!(read.to_mask(), reference);
            assert_eq!(echoed["dice"], ask("")["dice"]);
        }
        assert_eq!(ask("reference=compare").get("reference_mask"), None);
    }
    let alone = server
        .post("/v1/segment?reference=echo")
        .body(film())
        .send()
        .segmented();
    assert_eq!(alone.get("reference_mask"), None);
    assert_eq!(alone["mask"]["size"], serde_json::json!([SIDE, SIDE]));
    server
        .post("/v1/segment?reference=no")
        .body(film())
        .send()
        .assert_problem(400, "invalid_query");
}
