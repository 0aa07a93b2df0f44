#!/bin/sh
# Builds the programs of a release into target/archive, and makes its archive in DIST.
set -eu
cd "$(dirname "$0")/../.."
echo "== programs of the release"
sh scripts/release/build.sh target/archive
echo "== archive"
"${PYTHON:-python3}" -m scripts.release.archive --programs target/archive/release \
    --libtorch "${LIBTORCH:-.libtorch}" --out "${DIST:-target/dist}"
