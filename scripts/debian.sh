#!/bin/sh
# Names a program, as in `debian.sh nginx nginx-light`: the program and Debian's package that holds it. Where there is none it
# installs the package, if it may; else it says in a line why there is none.
set -eu
program=$1
package=$2

# Debian keeps some of them where an ordinary user does not look.
PATH=$PATH:/usr/sbin:/sbin
if ! command -v "$program" >/dev/null 2>&1; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "debian.sh: there is no $program (Debian: apt install $package), and this is not root with apt-get" >&2
        exit 1
    fi
    echo "debian.sh: installing $package" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends "$package" >&2 || {
        apt-get update >&2
        apt-get install -y --no-install-recommends "$package" >&2
    }
fi
command -v "$program"
