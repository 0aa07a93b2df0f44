"""Access to rendered objects for the claims: pods and their variables, labels and selectors, ports."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from scripts.deploy.facts import cores

Object = dict[str, Any]
"""An object of Kubernetes, or a part of one, as YAML is read."""

Objects = list[Object]


class Pod(NamedTuple):
    """A pod: the object that asks for it, its labels, its spec, and the container that is ours."""

    owner: Object
    labels: dict[str, str]
    spec: Object
    container: Object


SECRET = "(from elsewhere)"
PROGRAM = "lungfield-serve"


def named(item: Object) -> str:
    return f"{item['kind']} {item['metadata']['name']}"


def of_kind(objects: Objects, *kinds: str) -> Objects:
    return [item for item in objects if item["kind"] in kinds]


def pods(objects: Objects) -> Iterator[Pod]:
    """Yields every pod that the objects ask for. Each has one container."""
    for item in of_kind(objects, "Deployment", "Job"):
        template = item["spec"]["template"]
        yield Pod(item, template["metadata"]["labels"], template["spec"], template["spec"]["containers"][0])
    for item in of_kind(objects, "InferenceService"):
        spec = item["spec"]["predictor"]
        yield Pod(item, {}, spec, spec["containers"][0])


def program(pod: Pod) -> str:
    """Returns the name of the program that a pod runs: the image's own, unless it says another."""
    return pod.container.get("command", [PROGRAM])[0].rpartition("/")[2]


def environment(pod: Pod) -> dict[str, str]:
    """Returns the variables of a pod by their names, in their order, as the program sees them."""
    found: dict[str, str] = {}
    for entry in pod.container.get("env", []):
        source = entry.get("valueFrom", {})
        if "resourceFieldRef" in source:
            group, _, resource = source["resourceFieldRef"]["resource"].partition(".")
            value = str(math.ceil(cores(pod.container["resources"][group][resource])))
        elif source:
            value = "0" if entry["name"] == "JOB_COMPLETION_INDEX" else SECRET
        else:
            value = re.sub(r"\$\((\w+)\)", lambda name: found.get(name[1], name[0]), entry["value"])
        found[entry["name"]] = value
    return found


def ours(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith("LUNGFIELD_")}


def matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """Returns whether a selector, which is not empty, chooses these labels."""
    wanted = selector.get("matchLabels", selector)
    return bool(wanted) and wanted.items() <= labels.items()


def container_ports(pod: Pod) -> dict[Any, int]:
    return {port.get("name", port["containerPort"]): port["containerPort"] for port in pod.container.get("ports", [])}


def probes(pod: Pod) -> dict[str, Object]:
    return {
        name: pod.container[name]
        for name in ("startupProbe", "readinessProbe", "livenessProbe")
        if name in pod.container
    }
