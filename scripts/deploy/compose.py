"""Claims on docker/compose.yaml beside its schema: what it mounts, opens, allows and watches.

A claim takes the document and the facts, and yields a sentence for whatever is wrong, as in claims.py.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator

from scripts.common.repository import ROOT
from scripts.deploy.claims import bound_bytes
from scripts.deploy.facts import Facts, read_yaml, refusal, seconds, size
from scripts.deploy.objects import PROGRAM, Object, ours

FILE = "docker/compose.yaml"
SERVER = "lungfield"


def limits(service: Object) -> Object:
    return service["deploy"]["resources"]["limits"]


def bytes_of_docker(text: str) -> float:
    """Returns a size in bytes. Docker's k, m and g are powers of 1024."""
    return size(re.sub(r"([kmg])b?$", r"\1i", text.lower()))


def the_server_is_held_to_its_bound(document: Object, facts: Facts) -> Iterator[str]:
    server, defaults = document["services"][SERVER], facts.settings[PROGRAM]
    variables = ours(server["environment"])
    yield from (f"{name} is no variable of {PROGRAM}" for name in variables.keys() - defaults.keys())
    said = PROGRAM in facts.programs and refusal(facts.programs[PROGRAM], PROGRAM, variables)
    if said:
        yield f"{PROGRAM} refuses its settings: {said}"
    bound, limit = bound_bytes(variables, defaults, facts), bytes_of_docker(limits(server)["memory"])
    if limit < bound:
        yield f"the server may use {limit / 1e6:.0f} MB, and its settings allow {bound / 1e6:.0f} MB"
    if variables.get("LUNGFIELD_THREADS") != limits(server)["cpus"]:
        yield "the server's threads are not its cores"
    drain = sum(
        seconds(variables.get(name) or defaults[name]) for name in ("LUNGFIELD_DRAIN_DELAY", "LUNGFIELD_DRAIN_TIMEOUT")
    )
    if seconds(server["stop_grace_period"]) <= drain:
        yield f"the server is killed after {server['stop_grace_period']}, and its drain may take {drain:g} s"


def the_server_is_our_image(document: Object, facts: Facts) -> Iterator[str]:
    server = document["services"][SERVER]
    if server["image"] != f"lungfield:{facts.version}":
        yield f"the image is {server['image']}, not of version {facts.version}"
    if server["user"] != f"{facts.user}:{facts.user}":
        yield f"the user is {server['user']}, not the image's"
    dockerfile = (ROOT / server["build"]["dockerfile"]).read_text(encoding="utf-8")
    if not re.search(rf"^FROM .* AS {server['build']['target']}$", dockerfile, re.MULTILINE | re.IGNORECASE):
        yield f"the Dockerfile has no target {server['build']['target']}"
    if server["healthcheck"]["test"] != ["CMD", "/opt/lungfield/bin/lungfield-serve", "--health-check"]:
        yield "the health check is not the program's own"


def services_are_guarded(document: Object, _facts: Facts) -> Iterator[str]:
    for name, service in document["services"].items():
        kept = {
            "may write to its root file system": service.get("read_only") is True,
            "keeps capabilities": service.get("cap_drop") == ["ALL"],
            "may gain privileges": service.get("security_opt") == ["no-new-privileges:true"],
            "runs as root, or as nobody knows whom": re.fullmatch(r"[1-9]\d*:\d+", service.get("user", "")),
            "has no limits": {"cpus", "memory"} <= limits(service).keys(),
            "is an image without a version": re.search(r":v?\d+\.\d+\.\d+$", service["image"]),
        }
        yield from (f"{name} {complaint}" for complaint, kept_so in kept.items() if not kept_so)
        yield from (
            f"{name} opens {port} to others" for port in service.get("ports", []) if not port.startswith("127.0.0.1:")
        )


def mounts(service: Object) -> dict[str, str]:
    """Returns where what is mounted lies, by where it appears: paths of this repository, and names of volumes."""
    return {parts[1]: parts[0] for parts in (mount.split(":") for mount in service.get("volumes", []))}


def in_repository(source: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(FILE), source))


def mounts_are_there(document: Object, _facts: Facts) -> Iterator[str]:
    for name, service in document["services"].items():
        for mount in service.get("volumes", []):
            source, _, *mode = mount.split(":")
            if not source.startswith("."):
                if source not in document["volumes"]:
                    yield f"{name} mounts the volume {source}, which there is not"
            elif not (ROOT / in_repository(source)).exists():
                yield f"{name} mounts {source}, which there is not"
            elif mode != ["ro"]:
                yield f"{name} may write to {source}"


def behind(service: Object, path: str) -> str | None:
    """Returns the file of this repository that a container sees at a path."""
    for place, source in mounts(service).items():
        if f"{path}/".startswith(f"{place}/"):
            return in_repository(source) + path[len(place) :]
    return None


def prometheus_watches_the_server(document: Object, facts: Facts) -> Iterator[str]:
    prometheus, server = document["services"]["prometheus"], document["services"][SERVER]
    path = next(flag.partition("=")[2] for flag in prometheus["command"] if flag.startswith("--config.file="))
    file = behind(prometheus, path)
    if not file or not (ROOT / file).is_file():
        yield f"{path} is not mounted"
        return
    config = read_yaml(file)
    scrape = config["scrape_configs"][0]
    if scrape["job_name"] != facts.job:
        yield f"Prometheus calls the job {scrape['job_name']}, and the alerts know {facts.job}"
    port = server["environment"]["LUNGFIELD_METRICS_LISTEN"].rpartition(":")[2]
    if scrape["static_configs"][0]["targets"] != [f"{SERVER}:{port}"]:
        yield f"Prometheus asks {scrape['static_configs'][0]['targets']}, and the server is {SERVER}:{port}"
    for rules in config["rule_files"]:
        if not (ROOT / posixpath.dirname(file) / rules).is_file():
            yield f"the rules {rules} are not mounted"


def grafana_shows_the_dashboard(document: Object, _facts: Facts) -> Iterator[str]:
    grafana, prometheus = document["services"]["grafana"], document["services"]["prometheus"]
    source = read_yaml(f"{behind(grafana, '/etc/grafana/provisioning/datasources')}/prometheus.yaml")["datasources"][0]
    listens = prometheus["ports"][0].rpartition(":")[2]
    if source["url"] != f"http://prometheus:{listens}":
        yield f"Grafana asks {source['url']}, and Prometheus listens at {listens}"
    dashboard = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text(encoding="utf-8"))
    wanted = {item["query"] for item in dashboard["templating"]["list"] if item["type"] == "datasource"}
    if wanted != {source["type"]} or not source["isDefault"]:
        yield f"the dashboard asks for {wanted}, and the default is {source['type']}"
    provider = read_yaml(f"{behind(grafana, '/etc/grafana/provisioning/dashboards')}/lungfield.yaml")["providers"][0]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    if (
        not home.startswith(provider["options"]["path"] + "/")
        or behind(grafana, home) != "deploy/grafana/dashboard.json"
    ):
        yield f"the dashboard is not at {home}, or nobody looks there"


CLAIMS = [
    the_server_is_held_to_its_bound,
    the_server_is_our_image,
    services_are_guarded,
    mounts_are_there,
    prometheus_watches_the_server,
    grafana_shows_the_dashboard,
]
