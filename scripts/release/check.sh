#!/bin/sh
# Checks whether this commit may be released: versions, dated changelog, clean tree, parts, an archive that is the same when it
# is made twice, and the archive on a bare Debian. DIST is where the archive is left.
set -eu
cd "$(dirname "$0")/../.."

python=${PYTHON:-python3}
dist=${DIST:-target/dist}
again=target/dist-again

"$python" -m scripts.release.version_check --release
if [ -n "$(git status --porcelain)" ]; then
    echo "release/check.sh: there are changes that are not committed:" >&2
    git status --short >&2
    exit 1
fi
"$python" -m scripts.release.release_test
rm -rf "$dist" "$again"
make --no-print-directory archive sbom DIST="$dist"
make --no-print-directory archive DIST="$again"
cmp "$dist"/*.tar.gz "$again"/*.tar.gz
cmp "$dist/sbom.cdx.json" "$again/sbom.cdx.json"
rm -rf "$again"
echo "the archive is the same, made twice"
make --no-print-directory try-release DIST="$dist"
