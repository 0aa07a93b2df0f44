#!/bin/sh
# Names the nginx that the replicas test runs. Where there is none it installs Debian's package, if it may; else it says in a
# line why there is none.
set -eu

# Debian keeps it where an ordinary user does not look.
PATH=$PATH:/usr/sbin:/sbin
if ! command -v nginx >/dev/null 2>&1; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "nginx.sh: there is no nginx (Debian: apt install nginx-light), and this is not root with apt-get" >&2
        exit 1
    fi
    echo "nginx.sh: installing nginx-light" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends nginx-light >&2 || {
        apt-get update >&2
        apt-get install -y --no-install-recommends nginx-light >&2
    }
fi
command -v nginx
