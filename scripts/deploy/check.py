"""Checks what is shipped for clusters and for Compose, offline: each object by its kind's schema, and what one says
of another.

    sh scripts/venv.sh .venv-deploy scripts/deploy/requirements.txt
    .venv-deploy/bin/python -m scripts.deploy.check

It renders base, overlays, components and the archive's job by `kubectl kustomize` (--kustomize names another tool),
and prints a line for everything that is wrong. Settings are compared with those of the built programs. No cluster is
asked for anything.
"""

from __future__ import annotations

import argparse
import shlex
import sys

from scripts.common.command_line import parser
from scripts.deploy import claims, compose, render
from scripts.deploy.facts import Facts, read_facts, read_yaml
from scripts.deploy.objects import Objects, named


def parse() -> argparse.Namespace:
    options = parser(__doc__, "server", "segment")
    options.add_argument("--kustomize", default="kubectl kustomize", metavar="COMMAND")
    return options.parse_args()


def check_objects(name: str, objects: Objects, facts: Facts) -> list[str]:
    """Returns what is wrong with the objects of one rendering."""
    wrong = [f"{named(item)}: {error}" for item in objects for error in render.of_its_kind(item)]
    return [f"{name}: {complaint}" for complaint in wrong or claims.complaints(objects, facts)]


def check_adapter(objects: Objects, facts: Facts) -> list[str]:
    values = read_yaml("deploy/kubernetes/prometheus-adapter.yaml")
    wrong = render.against("prometheus-adapter.json", values)
    return [f"prometheus-adapter: {text}" for text in wrong or claims.metrics_of_the_adapter(values, objects, facts)]


def check_compose(facts: Facts) -> list[str]:
    document = read_yaml(compose.FILE)
    wrong = render.of_compose(document)
    return [f"compose: {text}" for text in wrong or claims.complaints(document, facts, compose.CLAIMS)]


def main() -> None:
    options = parse()
    facts = read_facts(options.server, options.segment)
    variants = render.variants(shlex.split(options.kustomize))
    skipped = [name for name, objects in variants.items() if objects is None]
    rendered = {name: objects for name, objects in variants.items() if objects is not None}
    wrong = [complaint for name, objects in rendered.items() for complaint in check_objects(name, objects, facts)]
    every_object = [item for objects in rendered.values() for item in objects]
    wrong += check_adapter(every_object, facts) + check_compose(facts)
    if skipped:
        print(f"{options.kustomize} knows no components (kubectl does from 1.21 on): {len(skipped)} are skipped")
    if wrong:
        sys.exit("\n".join(wrong))
    versions = " and ".join(render.VERSIONS)
    print(
        f"{len(rendered)} renderings, {len(every_object)} objects are right for Kubernetes {versions}, "
        "and so is docker/compose.yaml"
    )


if __name__ == "__main__":
    main()
