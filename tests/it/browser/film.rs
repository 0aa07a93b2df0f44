//! Tests of films on the page: display, results, downloads, errors, keyboard and keys.

use fantoccini::key::Key;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::Pixels;
use serde_json::{Value, json};

use super::driver::{Browser, Screen};
use super::{Files, page, serve, to_other_origins};
use crate::dicom_films::Object;
use crate::samples::fixture;

const DONE: &str = "document.documentElement.dataset.state === 'done'";
const FAILED: &str = "document.documentElement.dataset.state === 'failed'";

/// Returns red, green, blue and opacity of a canvas at some positions.
fn colours(browser: &Browser, canvas: &str, places: &[(u32, u32)]) -> Vec<[u64; 4]> {
    let script = "const canvas = document.getElementById(arguments[0]);
        const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return arguments[1].map(([x, y]) => [...all.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 4)]);";
    serde_json::from_value(browser.script(script, vec![canvas.into(), json!(places)])).unwrap()
}

/// Returns positions on a grid over a square film.
fn places(side: u32) -> Vec<(u32, u32)> {
    let step = side / 40;
    (1..40)
        .flat_map(|y| (1..40).map(move |x| (x * step, y * step)))
        .collect()
}

/// Returns the number of white pixels of the outline of the reference mask.
fn white_pixels(browser: &Browser) -> u64 {
    let script = "const canvas = document.getElementById('reference-canvas');
        const all = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
        return all.reduce((count, pixel) => count + (pixel === 0xFFFFFFFF), 0);";
    browser.script(script, vec![]).as_u64().unwrap()
}

/// Checks the grey values of the film's canvas, at positions of a film of `side` × `side` pixels.
fn assert_film_is_shown(browser: &Browser, files: &Files, side: u32) {
    let Pixels::Eight(greys) = files.phantom.film.pixels() else {
        unreachable!("the phantom has 8 bits")
    };
    let places = places(side);
    for (&(x, y), shown) in places.iter().zip(colours(browser, "film-canvas", &places)) {
        let grey = u64::from(greys[(y * side + x) as usize]);
        assert!(
            shown[..3].iter().all(|value| value.abs_diff(grey) <= 1),
            "{x}, {y}: {shown:?} is not {grey}"
        );
    }
}

/// Checks that the mask's canvas is red where `mask` is lung, and transparent elsewhere.
fn assert_mask_is_shown(browser: &Browser, mask: &Mask, side: u32) {
    let places = places(side);
    for (&(x, y), shown) in places.iter().zip(colours(browser, "mask-canvas", &places)) {
        let is_lung = mask.row(y as usize).get(x as usize);
        assert_eq!(shown[3] > 0, is_lung, "{x}, {y}: {shown:?}");
        assert!(
            !is_lung || (shown[0] > 200 && shown[1] < 120 && shown[2] < 120),
            "{shown:?} is not red"
        );
    }
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn the_page_shows_the_film_its_mask_the_outline_of_the_reference_mask_and_dice() {
    let (server, files) = (
        serve(&["--cors-origin=http://127.0.0.1:1"]),
        Files::draw(1024),
    );
    let browser = Browser::open(Screen::Desktop, &page(&server));
    browser.choose(&[files.film(), files.mask()]);
    browser.wait(DONE);
    let [film, mask] = [files.film(), files.mask()].map(|path| fs_err::read(path).unwrap());
    let reply = server
        .post("/v1/segment")
        .form(&[("image", &film), ("ground_truth", &mask)])
        .send();
    let dice = reply.segmented()["dice"].as_f64().unwrap();
    assert!(dice > 0.9, "{dice}");
    let shown = browser.text("dice");
    assert!(
        shown.contains(&format!("{dice:.4}")),
        "{shown} is not {dice}"
    );
    assert_film_is_shown(&browser, &files, 1024);
    assert_mask_is_shown(&browser, &reply.mask(), 1024);
    let white = white_pixels(&browser);
    assert!(white > 300, "the outline has {white} white pixels");
    browser.screenshot("result");
    assert_eq!(browser.console_errors(), [""; 0]);
    let requests = browser.requests();
    assert!(requests.len() > 4, "{requests:?}");
    assert_eq!(
        to_other_origins(&requests, &page(&server), "blob:"),
        [""; 0]
    );
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_film_can_be_dropped_anywhere_on_the_page() {
    let (server, files) = (serve(&[]), Files::draw(256));
    let browser = Browser::open(Screen::Desktop, &page(&server));
    let film = fs_err::read(files.film()).unwrap();
    browser.script(
        "const transfer = new DataTransfer();
         transfer.items.add(new File([new Uint8Array(arguments[0])], 'dropped.png', { type: 'image/png' }));
         for (const kind of ['dragenter', 'dragover', 'drop'])
           document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));",
        vec![json!(film)],
    );
    browser.wait(DONE);
    assert!(browser.text("film-list").contains("dropped.png"));
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_dicom_film_is_shown_and_its_segmentation_is_downloaded() {
    let (server, files) = (serve(&[]), Files::draw(512));
    let Pixels::Eight(greys) = files.phantom.film.pixels() else {
        unreachable!("the phantom has 8 bits")
    };
    let object = files.other("chest.dcm", &Object::of(greys, 512, 512).inverted().file());
    let browser = Browser::open(Screen::Desktop, &page(&server));
    browser.choose(&[object]);
    browser.wait(DONE);
    assert_film_is_shown(&browser, &files, 512);
    browser.click("#download-seg");
    assert!(
        browser
            .downloaded(".dcm")
            .starts_with(&[[0; 128].as_slice(), b"DICM"].concat())
    );
    browser.click("#download-mask");
    assert!(browser.downloaded("-lungs.png").starts_with(b"\x89PNG"));
    browser.click("#download-rle");
    let saved: Value = serde_json::from_slice(&browser.downloaded("-lungs.json")).unwrap();
    assert_eq!(
        (&saved["size"], &saved["encoding"]),
        (&json!([512, 512]), &json!("coco_rle"))
    );
    assert_eq!(browser.console_errors(), [""; 0]);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn an_error_is_explained_and_does_not_affect_other_films() {
    let (server, files) = (serve(&[]), Files::draw(256));
    let browser = Browser::open(Screen::Desktop, &page(&server));
    let text = files.other("letter.txt", b"Dear colleague");
    browser.choose(&[text]);
    browser.wait(FAILED);
    let shown = browser.text("error");
    assert!(
        shown.contains("This file is not an image that Lungfield can read."),
        "{shown}"
    );
    assert!(shown.contains("DICOM") && shown.contains("PNG"), "{shown}");
    assert!(
        !shown.contains("unrecognised_image") && !shown.contains('{'),
        "{shown}"
    );
    browser.screenshot("error");
    browser.choose(&[files.film()]);
    browser.wait(DONE);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_file_name_is_never_markup() {
    let (server, files) = (serve(&[]), Files::draw(256));
    let name = "<img src=x onerror=alert(1)>&amp;.tif";
    let film = files.other(name, fixture!("packbits8.tif"));
    let browser = Browser::open(Screen::Desktop, &page(&server));
    browser.choose(&[film]);
    browser.wait(DONE);
    assert!(browser.text("film-list").contains(name) && browser.text("viewer").contains(name));
    assert_eq!(
        browser.script("return document.querySelectorAll('img').length", vec![]),
        0
    );
    assert_eq!(browser.console_errors(), [""; 0]);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn the_page_can_be_used_with_the_keyboard_alone() {
    let server = serve(&[]);
    let browser = Browser::open(Screen::Desktop, &page(&server));
    let focused = || {
        browser
            .script("return document.activeElement.id", vec![])
            .as_str()
            .unwrap_or("")
            .to_owned()
    };
    let tab_to = |id: &str| {
        for _ in 0..80 {
            if focused() == id {
                return;
            }
            browser.press(Key::Tab);
        }
        panic!("{id} was never focused");
    };
    tab_to("sample");
    browser.press(Key::Enter);
    browser.wait(DONE);
    let checked = |id: &str| {
        browser.script(
            "return document.getElementById(arguments[0]).checked",
            vec![id.into()],
        )
    };
    for id in ["fill", "outline"] {
        tab_to(id);
        let before = checked(id);
        browser.press(Key::Space);
        assert_ne!(checked(id), before, "{id}");
    }
    for (id, key) in [
        ("opacity", Key::Left),
        ("window", Key::Left),
        ("level", Key::Right),
    ] {
        tab_to(id);
        let value = || {
            browser.script(
                "return document.getElementById(arguments[0]).value",
                vec![id.into()],
            )
        };
        let before = value();
        browser.press(key);
        assert_ne!(value(), before, "{id}");
    }
    tab_to("zoom-in");
    browser.press(Key::Enter);
    tab_to("remove");
    browser.press(Key::Enter);
    browser.wait("document.documentElement.dataset.state === 'empty'");
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_key_is_sent_to_the_server_and_not_stored() {
    let files = Files::draw(256);
    // SHA-256 of `open sesame`.
    let known = files.other(
        "keys",
        b"page 41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb\n",
    );
    let server = serve(&[&format!("--api-keys={}", known.display())]);
    let browser = Browser::open(Screen::Desktop, &page(&server));
    let asks = "document.getElementById('key-dialog').open";
    let film = fs_err::read(files.film()).unwrap();
    browser.choose(&[
        files.film(),
        files.other("second.png", &film),
        files.other("third.png", &film),
    ]);
    browser.wait(asks);
    browser.screenshot("key");
    // A user without a key is asked once for all films, and again on a retry.
    browser.click("#key-cancel");
    browser.wait(&format!("{FAILED} && !{asks}"));
    browser.click("#retry");
    browser.wait(asks);
    browser.type_into("#key", "open");
    browser.click("#key-send");
    browser.wait(&format!(
        "{asks} && document.getElementById('key').value === ''"
    ));
    browser.type_into("#key", "open sesame");
    browser.click("#key-send");
    browser.wait(DONE);
    browser.wait(
        "!/Queued|Uploading|Segmenting|key/.test(document.getElementById('film-list').innerText)",
    );
    let kept = browser.script(
        "return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href,
           document.documentElement.outerHTML, document.getElementById('key').value]);",
        vec![],
    );
    assert!(!kept.as_str().unwrap().contains("sesame"));
    assert!(
        browser
            .script("return document.getElementById('curl').textContent", vec![])
            .to_string()
            .contains("$LUNGFIELD_KEY")
    );
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_large_result_is_drawn_within_100_ms() {
    let (server, files) = (serve(&[]), Files::draw(2048));
    let browser = Browser::open(Screen::Desktop, &page(&server));
    let quickest = (0..3).map(|_| {
        browser.go(&page(&server));
        browser.choose(&[files.film()]);
        browser.wait(DONE);
        let drawn = "return performance.getEntriesByName('lungfield:drawn').at(-1).duration";
        browser.script(drawn, vec![]).as_f64().unwrap()
    });
    let quickest = quickest.fold(f64::INFINITY, f64::min);
    assert!(quickest <= 100.0, "{quickest} ms");
}
