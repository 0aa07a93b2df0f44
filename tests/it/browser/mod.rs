//! Tests of the page in a real browser: Chromium, driven as a person would. They are left out of an ordinary run; `make test-browser` runs them.

mod driver;
mod film;
mod looks;
mod origins;

use std::path::{Path, PathBuf};

use lungfield_codec::png;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};

use crate::program::Daemon;

/// The shipped model, on a port of its own.
fn serve(flags: &[&str]) -> Daemon {
    Daemon::start(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("models/lungfield-segnet"),
        flags,
    )
}

fn page(server: &Daemon) -> String {
    format!("http://{}/", server.address)
}

/// A phantom on a disk, with its exact mask beside it.
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

    /// Named so that the page knows whose it is.
    fn mask(&self) -> PathBuf {
        self.folder.path().join("chest-mask.png")
    }

    fn other(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        path
    }
}
