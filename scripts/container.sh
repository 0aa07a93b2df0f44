#!/bin/sh
# Builds a container image and runs a command in one, with whatever this machine has for that.
#
#   container.sh build DOCKERFILE CONTEXT TAG
#   container.sh run TAG COMMAND [ARG ...]    on the host's network, with standard input passed on
#   container.sh engine                       names what is used, or says in a line why there is nothing
#
# CONTAINER_BUILD names another tool, called as `$CONTAINER_BUILD DOCKERFILE CONTEXT TAG` and, for `run`, as
# `$CONTAINER_BUILD --run TAG -- COMMAND [ARG ...]`. Else it is the first of docker, podman and buildah that answers.
set -eu

find_engine() {
    [ -z "${CONTAINER_BUILD:-}" ] || { echo "$CONTAINER_BUILD" && return; }
    silent=
    for name in docker podman buildah; do
        command -v "$name" >/dev/null 2>&1 || continue
        if "$name" info >/dev/null 2>&1; then
            echo "$name"
            return
        fi
        silent="$silent $name"
    done
    if [ -n "$silent" ]; then
        echo "container.sh:$silent does not answer (is it running, and may this user use it?)" >&2
    else
        echo "container.sh: there is no docker, podman or buildah, and CONTAINER_BUILD names no other tool" >&2
    fi
    exit 1
}

build() {
    case $engine in
    docker | podman) exec "$engine" build --file "$1" --tag "$3" "$2" ;;
    buildah) exec buildah build --layers --file "$1" --tag "$3" "$2" ;;
    *) exec $engine "$1" "$2" "$3" ;; # may be several words
    esac
}

run() {
    tag=$1
    program=$2
    shift 2
    case $engine in
    docker | podman)
        exec "$engine" run --rm --interactive --network host --read-only --cap-drop ALL --entrypoint "$program" "$tag" "$@"
        ;;
    buildah)
        container=$(buildah from --pull-never "$tag")
        trap 'buildah rm "$container" >/dev/null' EXIT
        buildah run --network host "$container" -- "$program" "$@"
        ;;
    *) exec $engine --run "$tag" -- "$program" "$@" ;;
    esac
}

engine=$(find_engine)
case "${1:-} $#" in
"build 4" | "run "[3-9]*) verb=$1 && shift && "$verb" "$@" ;;
"engine 1") echo "$engine" ;;
*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
