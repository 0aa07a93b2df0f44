//! Tests of accessibility, themes, small screens and the speed of the page.

use std::path::PathBuf;

use serde_json::Value;

use super::driver::{Browser, Screen};
use super::{page, serve};

const DONE: &str = "document.documentElement.dataset.state === 'done'";

fn background(browser: &Browser) -> String {
    browser
        .script(
            "return getComputedStyle(document.body).backgroundColor",
            vec![],
        )
        .to_string()
}

fn set_theme(browser: &Browser, theme: &str) {
    let script = "const control = document.getElementById('theme');
        control.value = arguments[0];
        control.dispatchEvent(new Event('change', { bubbles: true }));";
    browser.script(script, vec![theme.into()]);
}

/// Returns the serious and critical violations that axe-core finds.
fn violations(browser: &Browser) -> Vec<String> {
    let path = std::env::var_os("LUNGFIELD_AXE")
        .map(PathBuf::from)
        .expect("LUNGFIELD_AXE is set (`make test-browser` does that)");
    browser.script(&fs_err::read_to_string(path).unwrap(), vec![]);
    browser.script(
        "window.axe.run(document).then((found) => { window.found = found; });",
        vec![],
    );
    browser.wait("window.found");
    let found = browser.script(
        "const found = window.found.violations; delete window.found; return found;",
        vec![],
    );
    let serious = |violation: &&Value| {
        ["serious", "critical"].contains(&violation["impact"].as_str().unwrap_or(""))
    };
    let describe = |violation: &Value| {
        format!(
            "{}: {} {}",
            violation["id"], violation["help"], violation["nodes"]
        )
    };
    found
        .as_array()
        .unwrap()
        .iter()
        .filter(serious)
        .map(describe)
        .collect()
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn the_page_is_accessible_in_both_themes_and_on_both_screens() {
    let server = serve(&[]);
    for screen in [Screen::Desktop, Screen::Phone] {
        let browser = Browser::open(screen, &page(&server));
        for theme in ["light", "dark"] {
            browser.go(&page(&server));
            set_theme(&browser, theme);
            assert_eq!(violations(&browser), [""; 0], "{screen:?}, {theme}, empty");
            browser.screenshot(&format!("{screen:?}-{theme}-empty").to_lowercase());
            browser.click("#sample");
            browser.wait(DONE);
            assert_eq!(
                violations(&browser),
                [""; 0],
                "{screen:?}, {theme}, with a film"
            );
            browser.screenshot(&format!("{screen:?}-{theme}").to_lowercase());
        }
    }
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn the_theme_can_be_switched() {
    let server = serve(&[]);
    let browser = Browser::open(Screen::Desktop, &page(&server));
    set_theme(&browser, "light");
    let light = background(&browser);
    set_theme(&browser, "dark");
    assert_ne!(background(&browser), light);
    set_theme(&browser, "light");
    assert_eq!(background(&browser), light);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_phone_shows_the_page_without_horizontal_scrolling() {
    let server = serve(&[]);
    let browser = Browser::open(Screen::Phone, &page(&server));
    let overflow = "return document.documentElement.scrollWidth - window.innerWidth";
    assert_eq!(browser.script(overflow, vec![]), 0);
    browser.click("#sample");
    browser.wait(DONE);
    assert_eq!(browser.script(overflow, vec![]), 0);
    let viewer = browser.script(
        "return document.getElementById('viewer').getBoundingClientRect().width",
        vec![],
    );
    assert!(viewer.as_f64().unwrap() > 300.0, "{viewer}");
    assert_eq!(browser.console_errors(), [""; 0]);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn the_first_paint_comes_within_100_ms() {
    let server = serve(&[]);
    let browser = Browser::open(Screen::Desktop, &page(&server));
    // In an open window, since a browser needs as much time again to open one.
    let quickest = (0..20).map(|_| {
        browser.go(&page(&server));
        browser.wait("performance.getEntriesByName('first-contentful-paint').length");
        let paint = "return performance.getEntriesByName('first-contentful-paint')[0].startTime";
        browser.script(paint, vec![]).as_f64().unwrap()
    });
    let quickest = quickest.fold(f64::INFINITY, f64::min);
    assert!(quickest <= 100.0, "{quickest} ms");
}
