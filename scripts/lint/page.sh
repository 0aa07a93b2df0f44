#!/bin/sh
# Lints, type-checks and formats the page and the example page: JavaScript, CSS and HTML. deno.json has the settings.
#
# `page.sh` only reports what is wrong; `page.sh format` formats the files.
set -eu

cd "$(dirname "$0")/../.."
sh scripts/venv.sh .venv-page scripts/lint/requirements-page.txt
deno=.venv-page/bin/deno
# The cache belongs to the environment, not to the user's home.
export DENO_DIR=.venv-page/cache DENO_NO_UPDATE_CHECK=1

case ${1:-check} in
check)
    "$deno" fmt --check
    "$deno" lint
    "$deno" check --quiet web/*.js
    ;;
format)
    "$deno" fmt --quiet
    ;;
*)
    echo "usage: page.sh [check | format]" >&2
    exit 2
    ;;
esac
