#!/bin/sh
# Checks formatting, clippy's and rustdoc's lints, and that the version is the same everywhere.
set -eu
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
python=${PYTHON:-python3}
"$cargo" fmt --all --check
"$cargo" clippy --release --locked --workspace --all-targets -- --deny warnings
RUSTDOCFLAGS="${RUSTDOCFLAGS:-} --deny warnings" "$cargo" doc --release --locked --workspace --no-deps
"$python" -m scripts.release.version_check
"$python" -m scripts.release.release_test
