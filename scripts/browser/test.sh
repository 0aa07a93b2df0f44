#!/bin/sh
# Runs the tests that drive the page in Chromium, with axe-core at hand.
set -eu
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
export LUNGFIELD_AXE="$PWD/.tools/axe.min.js"
"${PYTHON:-python3}" -m scripts.browser.axe "$LUNGFIELD_AXE"
set -- --release --locked --package lungfield --test it
if "$cargo" nextest --version >/dev/null 2>&1; then
    exec "$cargo" nextest run "$@" --run-ignored only --test-threads 1 browser::
fi
exec "$cargo" test "$@" -- --ignored --test-threads 1 browser::
