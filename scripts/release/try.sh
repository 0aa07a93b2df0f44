#!/bin/sh
# Tries what a release holds: systemd's unit by systemd-analyze, and the archive in DIST on a bare Debian. Says what it skips.
set -eu
cd "$(dirname "$0")/../.."

check_unit() {
    if ! command -v systemd-analyze >/dev/null 2>&1; then
        echo "the unit is not checked: there is no systemd-analyze"
        return
    fi
    folder=$(mktemp -d)
    sed 's|=/opt/lungfield/bin/lungfield-serve|=/bin/true|' deploy/systemd/lungfield.service >"$folder/lungfield.service"
    complaints=$(systemd-analyze verify "$folder/lungfield.service" 2>&1) || true
    rm -r "$folder"
    if [ -n "$complaints" ]; then
        echo "$complaints" >&2
        exit 1
    fi
}

check_archive() {
    if [ "$(id -u)" != 0 ] || ! sh scripts/debian.sh debootstrap debootstrap; then
        echo "the test of the archive is skipped: it needs root and debootstrap"
        return
    fi
    "${PYTHON:-python3}" -m scripts.release.chroot_test --dist "${DIST:-target/dist}" --debian target/debian-12
}

check_unit
check_archive
