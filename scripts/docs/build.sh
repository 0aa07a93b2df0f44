#!/bin/sh
# Builds the book in target/book, and mdBook in .tools where that is missing. CARGO and PYTHON name other programs.
set -eu

mdbook=0.5.4
export CARGO="${CARGO:-cargo}"
PATH=$PWD/.tools/bin:$PATH
if [ "$(mdbook --version 2>/dev/null)" != "mdbook v$mdbook" ]; then
    # Without its own server and its watching of files, it compiles half as many crates.
    "$CARGO" install --quiet --locked --root .tools mdbook --version "$mdbook" --no-default-features --features search
fi
exec "${PYTHON:-python3}" -m scripts.docs.build
