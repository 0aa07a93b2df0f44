#!/usr/bin/env python3
"""Checks what is shipped for clusters and for compose, offline: each object by its kind's schema, and what one says of another and of the program.

    sh scripts/venv.sh .venv-deploy scripts/requirements-deploy.txt
    .venv-deploy/bin/python scripts/deploy_check.py --server target/release/lungfield-serve --segment target/release/lungfield-segment

It renders base, overlays, components and the archive's job by `kubectl kustomize` (--kustomize names another tool), and fails with a line for
everything that is wrong. Without programs it reads their settings out of the sources. No cluster is asked for anything.
"""

import argparse
import shlex
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import deploy_claims  # noqa: E402  (nothing may be written beside it)
import deploy_compose  # noqa: E402
import deploy_facts  # noqa: E402
import deploy_render  # noqa: E402
from deploy_objects import named  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kustomize", default="kubectl kustomize", metavar="COMMAND")
    parser.add_argument("--server", type=lambda path: str(Path(path).resolve(strict=True)), help="a built lungfield-serve")
    parser.add_argument("--segment", type=lambda path: str(Path(path).resolve(strict=True)), help="a built lungfield-segment")
    return parser.parse_args()


def check_objects(name, objects, facts):
    """What is wrong with the objects of one rendering."""
    wrong = [f"{named(item)}: {error}" for item in objects for error in deploy_render.of_its_kind(item)]
    return [f"{name}: {complaint}" for complaint in wrong or deploy_claims.complaints(objects, facts)]


def check_adapter(objects, facts):
    values = deploy_facts.read_yaml("deploy/kubernetes/prometheus-adapter.yaml")
    wrong = deploy_render.against("prometheus-adapter.json", values)
    return [f"prometheus-adapter: {text}" for text in wrong or deploy_claims.metrics_of_the_adapter(values, objects, facts)]


def check_compose(facts):
    document = deploy_facts.read_yaml(deploy_compose.FILE)
    wrong = deploy_render.of_compose(document)
    return [f"compose: {text}" for text in wrong or deploy_claims.complaints(document, facts, deploy_compose.CLAIMS)]


def main():
    options = arguments()
    programs = {"lungfield-serve": options.server, "lungfield-segment": options.segment}
    facts = deploy_facts.read({name: path for name, path in programs.items() if path})
    rendered = deploy_render.variants(shlex.split(options.kustomize))
    skipped = [name for name, objects in rendered.items() if objects is None]
    rendered = {name: objects for name, objects in rendered.items() if objects is not None}
    wrong = [complaint for name, objects in rendered.items() for complaint in check_objects(name, objects, facts)]
    every_object = [item for objects in rendered.values() for item in objects]
    wrong += check_adapter(every_object, facts) + check_compose(facts)
    if skipped:
        print(f"{options.kustomize} knows no components (kubectl does from 1.21 on): {len(skipped)} renderings are skipped")
    if wrong:
        sys.exit("\n".join(wrong))
    versions = " and ".join(deploy_render.VERSIONS)
    print(f"{len(rendered)} renderings, {len(every_object)} objects are right for Kubernetes {versions}, and so is docker/compose.yaml")


if __name__ == "__main__":
    main()
