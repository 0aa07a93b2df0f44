#!/bin/sh
# Builds a container image and runs a command in one, with whatever this machine has for that.
#
#   container.sh build DOCKERFILE CONTEXT TAG [OPTION ...]    options that docker and buildah share: --target, --label
#   container.sh run TAG COMMAND [ARG ...]    on the host's network, with standard input passed on; CONTAINER_VOLUME=FROM:TO
#                                             mounts a folder
#   container.sh inspect TAG                  tells the image's configuration in JSON
#   container.sh engine                       names what is used, or says in a line why there is nothing
#
# CONTAINER_BUILD names another tool, called as `$CONTAINER_BUILD DOCKERFILE CONTEXT TAG [OPTION ...]` and, for `run`, as
# `$CONTAINER_BUILD --run TAG -- COMMAND [ARG ...]`. Else it is the first of docker, podman and buildah that answers.
# CONTAINER_INSPECT names what tells of the images of such a tool, called as `$CONTAINER_INSPECT TAG`.
set -eu

# Podman and buildah would drop the health check otherwise, which OCI's format has no place for.
export BUILDAH_FORMAT=docker

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
    dockerfile=$1
    context=$2
    tag=$3
    shift 3
    case $engine in
    docker | podman) exec "$engine" build --file "$dockerfile" --tag "$tag" "$@" "$context" ;;
    buildah) exec buildah build --layers --file "$dockerfile" --tag "$tag" "$@" "$context" ;;
    *) exec $engine "$dockerfile" "$context" "$tag" "$@" ;; # may be several words
    esac
}

run() {
    tag=$1
    program=$2
    shift 2
    volume=${CONTAINER_VOLUME:+--volume=$CONTAINER_VOLUME}
    case $engine in
    docker | podman)
        exec "$engine" run --rm --interactive --network host --read-only --cap-drop ALL --security-opt no-new-privileges \
            $volume --entrypoint "$program" "$tag" "$@"
        ;;
    buildah)
        container=$(buildah from --pull-never "$tag")
        trap 'buildah rm "$container" >/dev/null' EXIT
        buildah run --network host $volume "$container" -- "$program" "$@"
        ;;
    *)
        [ -z "$volume" ] || { echo "container.sh: $engine mounts no folder" >&2 && exit 1; }
        exec $engine --run "$tag" -- "$program" "$@"
        ;;
    esac
}

inspect() {
    case $engine in
    docker | podman) exec "$engine" image inspect "$1" ;;
    buildah) exec buildah inspect --type image "$1" ;;
    *)
        [ -n "${CONTAINER_INSPECT:-}" ] || { echo "container.sh: CONTAINER_INSPECT names nothing that tells of $1" >&2 && exit 1; }
        exec $CONTAINER_INSPECT "$1"
        ;;
    esac
}

engine=$(find_engine)
case "${1:-} $#" in
"build "[4-9]* | "build "1[0-9] | "run "[3-9]* | "run "1[0-9] | "inspect 2") verb=$1 && shift && "$verb" "$@" ;;
"engine 1") echo "$engine" ;;
*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
