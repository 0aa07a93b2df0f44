//! Tests of what becomes of a film on the page.

use fantoccini::key::Key;
use lungfield_radiograph::radiograph::Pixels;
use serde_json::{Value, json};

use super::driver::{Browser, Screen};
use super::{Files, page, serve};
use crate::dicom_films::Object;
use crate::samples::fixture;

const DONE: &str = "document.documentElement.dataset.state === 'done'";
const FAILED: &str = "document.documentElement.dataset.state === 'failed'";

/// The numbers of red, green, blue and opacity of a canvas at some places.
fn colours(browser: &Browser, canvas: &str, places: &[(u32, u32)]) -> Vec<[u64; 4]> {
    let script = "const canvas = document.getElementById(arguments[0]);
        const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return arguments[1].map(([x, y]) => [...all.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 4)]);";
    serde_json::from_value(browser.script(script, vec![canvas.into(), json!(places)])).unwrap()
}

/// Some places all over a square film.
fn places(side: u32) -> Vec<(u32, u32)> {
    let step = side / 40;
    (1..40)
        .flat_map(|y| (1..40).map(move |x| (x * step, y * step)))
        .collect()
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_film_is_shown_with_its_lungs_in_red_its_reference_in_white_and_its_dice() {
    let (server, files) = (
        serve(&["--cors-origin=http://127.0.0.1:1"]),
        Files::draw(1024),
    );
    let browser = Browser::open(Screen::Desk, &page(&server));
    browser.choose(&[files.film(), files.mask()]);
    browser.wait(DONE);
    let [film, mask] = [files.film(), files.mask()].map(|path| fs_err::read(path).unwrap());
    let reply = server
        .post("/v1/segment")
        .form(&[("image", &film), ("ground_truth", &mask)])
        .send();
    let (answer, segmented) = (reply.segmented(), reply.mask());
    let dice = answer["dice"].as_f64().unwrap();
    assert!(dice > 0.9, "{dice}");
    assert!(
        browser.text("dice").contains(&format!("{dice:.4}")),
        "{} is not {dice}",
        browser.text("dice")
    );

    let places = places(1024);
    let Pixels::Eight(greys) = files.phantom.film.pixels() else {
        unreachable!("drawn with 8 bits")
    };
    let shown = colours(&browser, "film-canvas", &places);
    let red = colours(&browser, "mask-canvas", &places);
    for ((&(x, y), film), red) in places.iter().zip(shown).zip(red) {
        let grey = u64::from(greys[(y * 1024 + x) as usize]);
        assert!(
            film[..3].iter().all(|shown| shown.abs_diff(grey) <= 1),
            "{x}, {y}: {film:?} is not {grey}"
        );
        let lung = segmented.row(y as usize).get(x as usize);
        assert_eq!(red[3] > 0, lung, "{x}, {y}: {red:?}");
        assert!(
            !lung || (red[0] > 200 && red[1] < 120 && red[2] < 120),
            "{red:?} is not red"
        );
    }
    let white = browser.script(
        "const canvas = document.getElementById('reference-canvas');
         const all = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
         return all.reduce((count, pixel) => count + (pixel === 0xFFFFFFFF), 0);",
        vec![],
    );
    assert!(
        white.as_u64().unwrap() > 300,
        "{white} pixels of an outline"
    );
    browser.picture("result");
    assert_eq!(browser.complaints(), [""; 0]);
    let (asked, home) = (browser.requests(), page(&server));
    let elsewhere: Vec<_> = asked
        .iter()
        .filter(|url| !url.starts_with(&home) && !url.starts_with("blob:"))
        .collect();
    assert!(
        asked.len() > 4 && elsewhere.is_empty(),
        "{elsewhere:?} of {asked:?}"
    );
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_film_may_be_dropped_anywhere_on_the_page() {
    let (server, files) = (serve(&[]), Files::draw(256));
    let browser = Browser::open(Screen::Desk, &page(&server));
    let film = fs_err::read(files.film()).unwrap();
    browser.script(
        "const carried = new DataTransfer();
         carried.items.add(new File([new Uint8Array(arguments[0])], 'dropped.png', { type: 'image/png' }));
         for (const kind of ['dragenter', 'dragover', 'drop'])
           document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));",
        vec![json!(film)],
    );
    browser.wait(DONE);
    assert!(browser.text("film-list").contains("dropped.png"));
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_dicom_film_is_shown_and_its_segmentation_saved() {
    let (server, files) = (serve(&[]), Files::draw(512));
    let Pixels::Eight(greys) = files.phantom.film.pixels() else {
        unreachable!("drawn with 8 bits")
    };
    let object = files.other("chest.dcm", &Object::of(greys, 512, 512).inverted().file());
    let browser = Browser::open(Screen::Desk, &page(&server));
    browser.choose(&[object]);
    browser.wait(DONE);
    for (&(x, y), film) in places(512)
        .iter()
        .zip(colours(&browser, "film-canvas", &places(512)))
    {
        let grey = u64::from(greys[(y * 512 + x) as usize]);
        assert!(
            film[..3].iter().all(|shown| shown.abs_diff(grey) <= 1),
            "{x}, {y}: {film:?} is not {grey}"
        );
    }
    browser.click("#download-seg");
    assert!(
        browser
            .saved(".dcm")
            .starts_with(&[[0; 128].as_slice(), b"DICM"].concat())
    );
    browser.click("#download-mask");
    assert!(browser.saved("-lungs.png").starts_with(b"\x89PNG"));
    browser.click("#download-rle");
    let saved: Value = serde_json::from_slice(&browser.saved("-lungs.json")).unwrap();
    assert_eq!(
        (&saved["size"], &saved["encoding"]),
        (&json!([512, 512]), &json!("coco_rle"))
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn an_error_is_told_in_words_and_harms_no_other_film() {
    let (server, files) = (serve(&[]), Files::draw(256));
    let browser = Browser::open(Screen::Desk, &page(&server));
    let text = files.other("letter.txt", b"Dear colleague");
    browser.choose(&[text]);
    browser.wait(FAILED);
    let said = browser.text("error");
    assert!(
        said.contains("This file is not an image that Lungfield can read."),
        "{said}"
    );
    assert!(said.contains("DICOM") && said.contains("PNG"), "{said}");
    assert!(
        !said.contains("unrecognised_image") && !said.contains('{'),
        "{said}"
    );
    browser.picture("error");
    browser.choose(&[files.film()]);
    browser.wait(DONE);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_files_name_is_text_whatever_stands_in_it() {
    let (server, files) = (serve(&[]), Files::draw(256));
    let name = "<img src=x onerror=alert(1)>&amp;.tif";
    let film = files.other(name, fixture!("packbits8.tif"));
    let browser = Browser::open(Screen::Desk, &page(&server));
    browser.choose(&[film]);
    browser.wait(DONE);
    assert!(browser.text("film-list").contains(name) && browser.text("viewer").contains(name));
    assert_eq!(
        browser.script("return document.querySelectorAll('img').length", vec![]),
        0
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn all_of_it_can_be_done_by_keyboard() {
    let server = serve(&[]);
    let browser = Browser::open(Screen::Desk, &page(&server));
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
        panic!("the focus never came to {id}");
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
fn a_server_with_keys_is_given_one_that_is_kept_nowhere() {
    let files = Files::draw(256);
    // SHA-256 of `open sesame`.
    let known = files.other(
        "keys",
        b"page 41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb\n",
    );
    let server = serve(&[&format!("--api-keys={}", known.display())]);
    let browser = Browser::open(Screen::Desk, &page(&server));
    let asks = "document.getElementById('key-dialog').open";
    let film = fs_err::read(files.film()).unwrap();
    browser.choose(&[
        files.film(),
        files.other("second.png", &film),
        files.other("third.png", &film),
    ]);
    browser.wait(asks);
    browser.picture("key");
    // Whoever has none is asked once, for all of them, and once more where they are tried again.
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
fn a_large_result_is_drawn_at_once() {
    let (server, files) = (serve(&[]), Files::draw(2048));
    let browser = Browser::open(Screen::Desk, &page(&server));
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
