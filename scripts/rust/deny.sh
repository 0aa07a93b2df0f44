#!/bin/sh
# Checks licences, bans and sources of the dependencies by cargo-deny, which is built into .tools once where there is none.
set -eu
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
version=0.20.2
"$cargo" deny --version >/dev/null 2>&1 ||
    "$cargo" install --quiet --locked --root .tools cargo-deny --version "$version"
exec "$cargo" deny --locked check bans licenses sources
