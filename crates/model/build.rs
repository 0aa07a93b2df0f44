//! Finds libtorch: a missing or wrong one is said in one line, and programs learn where the right one lies.

use std::path::Path;

const TORCH_VERSION: &str = "2.11.0";

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    let folder = std::env::var_os("LIBTORCH").unwrap_or_else(|| "../../.libtorch".into());
    let folder = Path::new(&folder);
    println!(
        "cargo::rerun-if-changed={}",
        folder.join("build-version").display()
    );
    if let Err(problem) = check(folder) {
        println!(
            "cargo::error={problem}: run `make libtorch` (or set LIBTORCH to a libtorch {TORCH_VERSION})"
        );
        return;
    }
    // Where it was built, else beside the program as in the container image; LD_LIBRARY_PATH goes before both. A release says
    // otherwise: a folder of the machine that built it means nothing where it is unpacked.
    println!("cargo::rerun-if-env-changed=LUNGFIELD_RUNPATH");
    #[expect(
        clippy::disallowed_methods,
        reason = "a build is told by its environment"
    )]
    let places = match std::env::var("LUNGFIELD_RUNPATH") {
        Ok(place) => vec![place],
        Err(_) => vec![
            folder.join("lib").display().to_string(),
            "$ORIGIN/../lib".to_owned(),
        ],
    };
    for place in &places {
        println!("cargo::rustc-link-arg=-Wl,--enable-new-dtags,-rpath,{place}");
    }
    // A link argument reaches this package's programs only: others learn of the places from this.
    println!("cargo::metadata=rpath={}", places.join(":"));
}

/// A folder of a full PyTorch states its version in `version.py`, a libtorch and ours in `build-version`.
fn check(folder: &Path) -> Result<(), String> {
    if !folder.join("lib/libtorch_cpu.so").exists() {
        return Err(format!("there is no libtorch in {}", folder.display()));
    }
    let text = std::fs::read_to_string(folder.join("build-version"))
        .or_else(|_| std::fs::read_to_string(folder.join("version.py")))
        .map_err(|_| {
            format!(
                "the libtorch in {} does not state its version",
                folder.display()
            )
        })?;
    if text.contains(TORCH_VERSION) {
        Ok(())
    } else {
        Err(format!(
            "the libtorch in {} is not version {TORCH_VERSION}",
            folder.display()
        ))
    }
}
