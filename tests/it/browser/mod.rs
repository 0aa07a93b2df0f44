//! Tests of the page in Chromium. They are ignored in an ordinary run; `make test-browser` runs them.

mod driver;
mod film;
mod looks;
mod origins;

use std::path::{Path, PathBuf};

use lungfield_codec::png;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};

use crate::program::Daemon;

/// Starts a server with the shipped model on a free port.
fn serve(flags: &[&str]) -> Daemon {
    Daemon::start(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("models/lungfield-segnet"),
        flags,
    )
}

fn page(server: &Daemon) -> String {
    format!("http://{}/", server.address)
}

/// Returns the URLs of requests that were not sent to `home` and are not local to the browser.
fn to_other_origins<'a>(requests: &'a [String], home: &str, local: &str) -> Vec<&'a str> {
    let all = requests.iter().map(String::as_str);
    all.filter(|url| !url.starts_with(home) && !url.starts_with(local))
        .collect()
}

/// A folder with the film of a phantom and its exact mask.
struct Files {
    folder: tempfile::TempDir,
    phantom: Phantom,
}

impl Files {
    fn draw(side: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = Size::square(side).unwrap();
        let phantom = Phantom::draw(&PhantomOptions {
            seed: 3,
            size,
            depth: Depth::Eight,
        });
        let files = Self { folder, phantom };
        fs_err::write(files.film(), png::encode_radiograph(&files.phantom.film)).unwrap();
        fs_err::write(files.mask(), png::encode_mask(&files.phantom.mask)).unwrap();
        files
    }

    fn film(&self) -> PathBuf {
        self.folder.path().join("chest.png")
    }

    /// Returns the mask, whose name tells the page which film it belongs to.
    fn mask(&self) -> PathBuf {
        self.folder.path().join("chest-mask.png")
    }

    /// Writes another file into the folder.
    fn other(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        path
    }
}
