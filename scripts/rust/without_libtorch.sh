#!/bin/sh
# Runs the tests of the crates that do not need libtorch, with a libtorch that does not exist: whatever links it fails.
set -eu
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
export LIBTORCH=/nonexistent
set -- --release --locked --package lungfield-radiograph --package lungfield-codec --package lungfield-engine
if "$cargo" nextest --version >/dev/null 2>&1; then
    exec "$cargo" nextest run "$@"
fi
exec "$cargo" test "$@" --all-targets
