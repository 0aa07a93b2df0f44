#!/bin/sh
# Runs the unit and integration tests of the workspace, in cargo-nextest where that is installed.
set -eu
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
[ -n "${LUNGFIELD_DATA:-}" ] || echo "LUNGFIELD_DATA is not set: the tests on real films skip"
if "$cargo" nextest --version >/dev/null 2>&1; then
    exec "$cargo" nextest run --release --locked --workspace
fi
exec "$cargo" test --release --locked --workspace --all-targets
