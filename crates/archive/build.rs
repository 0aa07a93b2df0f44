//! Tells the programs of this package where libtorch lies, as the build script of `lungfield-model` found it.

fn main() {
    println!("cargo::rerun-if-env-changed=DEP_LUNGFIELD_TORCH_RPATH");
    #[expect(
        clippy::disallowed_methods,
        reason = "Cargo passes a build script its facts in the environment"
    )]
    let places = std::env::var("DEP_LUNGFIELD_TORCH_RPATH").unwrap_or_default();
    for place in std::env::split_paths(&places) {
        println!(
            "cargo::rustc-link-arg=-Wl,--enable-new-dtags,-rpath,{}",
            place.display()
        );
    }
}
