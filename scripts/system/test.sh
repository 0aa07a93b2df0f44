#!/bin/sh
# Runs the tests that need more of a machine than cargo, one make target after another. Installs Debian's packages where it may,
# and says what it skips where a program is missing.
set -eu
cd "$(dirname "$0")/../.."

# debian PROGRAM PACKAGE: whether the program is there or can be installed.
debian() {
    sh scripts/debian.sh "$1" "$2"
}

run() {
    make --no-print-directory "$1"
}

skip() {
    echo "$1 is skipped"
}

if sh scripts/image/container.sh engine; then run test-image; else skip "the image test"; fi
run test-overload
if debian promtool prometheus; then run test-alerts; else skip "the test of the alerts"; fi
run test-dicom-peers
if debian Orthanc orthanc && debian storescu dcmtk; then
    debian /usr/share/orthanc/plugins/libOrthancDicomWeb.so orthanc-dicomweb || true
    run test-orthanc
else
    skip "the test with Orthanc"
fi
debian /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf fonts-dejavu-core >/dev/null || true
if debian chromium chromium && debian chromedriver chromium-driver; then
    run test-browser
else
    skip "the test in a browser"
fi
if debian nginx nginx-light; then run test-replicas; else skip "the replicas test"; fi
