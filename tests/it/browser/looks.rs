//! Tests of how the page looks and how it is read: themes, widths, speed, and what axe-core finds wrong with it.

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

/// What axe-core finds that keeps somebody from using the page.
fn faults(browser: &Browser) -> Vec<String> {
    let path = std::env::var_os("LUNGFIELD_AXE")
        .map(PathBuf::from)
        .expect("`make test-browser` says where axe-core is");
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
    let serious =
        |fault: &&Value| ["serious", "critical"].contains(&fault["impact"].as_str().unwrap_or(""));
    let told = |fault: &Value| format!("{}: {} {}", fault["id"], fault["help"], fault["nodes"]);
    found
        .as_array()
        .unwrap()
        .iter()
        .filter(serious)
        .map(told)
        .collect()
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn nobody_is_kept_from_using_the_page_in_either_theme_and_width() {
    let server = serve(&[]);
    for screen in [Screen::Desk, Screen::Phone] {
        let browser = Browser::open(screen, &page(&server));
        for theme in ["light", "dark"] {
            browser.go(&page(&server));
            set_theme(&browser, theme);
            assert_eq!(faults(&browser), [""; 0], "{screen:?}, {theme}, empty");
            browser.picture(&format!("{screen:?}-{theme}-empty").to_lowercase());
            browser.click("#sample");
            browser.wait(DONE);
            assert_eq!(
                faults(&browser),
                [""; 0],
                "{screen:?}, {theme}, with a film"
            );
            browser.picture(&format!("{screen:?}-{theme}").to_lowercase());
        }
    }
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn the_theme_can_be_switched() {
    let server = serve(&[]);
    let browser = Browser::open(Screen::Desk, &page(&server));
    set_theme(&browser, "light");
    let light = background(&browser);
    set_theme(&browser, "dark");
    assert_ne!(background(&browser), light);
    set_theme(&browser, "light");
    assert_eq!(background(&browser), light);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn a_phone_shows_all_of_it_without_scrolling_sideways() {
    let server = serve(&[]);
    let browser = Browser::open(Screen::Phone, &page(&server));
    let wide = "return document.documentElement.scrollWidth - window.innerWidth";
    assert_eq!(browser.script(wide, vec![]), 0);
    browser.click("#sample");
    browser.wait(DONE);
    assert_eq!(browser.script(wide, vec![]), 0);
    let viewer = browser.script(
        "return document.getElementById('viewer').getBoundingClientRect().width",
        vec![],
    );
    assert!(viewer.as_f64().unwrap() > 300.0, "{viewer}");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
#[ignore = "needs Chromium: make test-browser"]
fn the_page_is_there_at_once() {
    let server = serve(&[]);
    let browser = Browser::open(Screen::Desk, &page(&server));
    // In a window that is there: to make one takes a browser as long again.
    let quickest = (0..20).map(|_| {
        browser.go(&page(&server));
        browser.wait("performance.getEntriesByName('first-contentful-paint').length");
        let paint = "return performance.getEntriesByName('first-contentful-paint')[0].startTime";
        browser.script(paint, vec![]).as_f64().unwrap()
    });
    let quickest = quickest.fold(f64::INFINITY, f64::min);
    assert!(quickest <= 100.0, "{quickest} ms");
}
