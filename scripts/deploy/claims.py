"""Claims on rendered objects that no schema can express: what one says of another, and of the programs.

A claim takes the objects of one rendering and the facts, and yields a sentence for whatever is wrong.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from scripts.deploy.facts import CONNECTION_BYTES, IDLE_BYTES, Defaults, Facts, refusal, seconds, size
from scripts.deploy.objects import (
    Object,
    Objects,
    Pod,
    container_ports,
    environment,
    matches,
    named,
    of_kind,
    ours,
    pods,
    probes,
    program,
)


def bound_bytes(variables: Mapping[str, str], defaults: Defaults, facts: Facts) -> float:
    """Returns the memory that a program takes at most with these settings: the sum in docs/configuration.md, an idle
    server, and what
    connections hold.
    """

    def setting(name: str) -> float:
        return size(variables.get(name) or defaults[name])

    decoders = setting("LUNGFIELD_DECODE_PERMITS") * facts.bytes_a_pixel * setting("LUNGFIELD_MAX_PIXELS")
    if (
        "LUNGFIELD_READ_AHEAD" in defaults
    ):  # the archive's program: no callers, and less than the default queue in flight
        return IDLE_BYTES + setting("LUNGFIELD_READ_AHEAD") + decoders + 64 * facts.plane_bytes
    budgets = setting("LUNGFIELD_BYTE_BUDGET") + setting("LUNGFIELD_ANSWER_BUDGET")
    queue = setting("LUNGFIELD_QUEUE_CAPACITY") * facts.plane_bytes
    return IDLE_BYTES + budgets + decoders + queue + setting("LUNGFIELD_MAX_CONNECTIONS") * CONNECTION_BYTES


def memory_holds_what_the_settings_allow(objects: Objects, facts: Facts) -> Iterator[str]:
    for pod in pods(objects):
        variables = ours(environment(pod))
        if "LUNGFIELD_DECODE_PERMITS" not in variables:
            yield f"{named(pod.owner)} leaves LUNGFIELD_DECODE_PERMITS to the node, so its memory has no known bound"
            continue
        bound = bound_bytes(variables, facts.settings[program(pod)], facts)
        limit = size(pod.container["resources"]["limits"]["memory"])
        if limit < bound:
            yield f"{named(pod.owner)} may use {limit / 1e6:.0f} MB, and its settings allow {bound / 1e6:.0f} MB"


def variables_are_known(objects: Objects, facts: Facts) -> Iterator[str]:
    for pod in pods(objects):
        for name in ours(environment(pod)).keys() - facts.settings[program(pod)].keys():
            yield f"{named(pod.owner)} sets {name}, which {program(pod)} does not know"


def variables_refer_to_earlier_ones(objects: Objects, _facts: Facts) -> Iterator[str]:
    for pod in pods(objects):
        for name, value in environment(pod).items():
            if "$(" in value:
                yield f"{named(pod.owner)}: {name} is {value!r}, which names a variable that is not set before it"


def programs_take_the_settings(objects: Objects, facts: Facts) -> Iterator[str]:
    for pod in pods(objects):
        name = program(pod)
        said = name in facts.programs and refusal(facts.programs[name], name, ours(environment(pod)))
        if said:
            yield f"{named(pod.owner)}: {name} refuses its settings: {said}"


def files_are_mounted(objects: Objects, _facts: Facts) -> Iterator[str]:
    """Paths in settings lie in the image or in a mount, and every mount has its volume."""
    for pod in pods(objects):
        volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
        mounts = pod.container.get("volumeMounts", [])
        for mount in mounts:
            if mount["name"] not in volumes:
                yield f"{named(pod.owner)} mounts {mount['name']}, which is no volume of its pod"
            if not mount.get("readOnly"):
                yield f"{named(pod.owner)} may write to {mount['mountPath']}"
        places = ["/opt/lungfield", *(mount["mountPath"] for mount in mounts)]
        for name, value in ours(environment(pod)).items():
            if value.startswith("/") and not any(f"{value}/".startswith(f"{place}/") for place in places):
                yield f"{named(pod.owner)}: {name} names {value}, where nothing is mounted"


def threads_are_the_cores(objects: Objects, _facts: Facts) -> Iterator[str]:
    for pod in pods(objects):
        limit = str(pod.container["resources"]["limits"]["cpu"])
        threads = environment(pod).get("LUNGFIELD_THREADS")
        if threads != limit:
            yield f"{named(pod.owner)} has {threads} threads for {limit} cores"


def the_drain_fits_into_the_grace(objects: Objects, facts: Facts) -> Iterator[str]:
    for pod in pods(objects):
        defaults = facts.settings[program(pod)]
        if "LUNGFIELD_DRAIN_DELAY" not in defaults:
            continue
        variables = {**defaults, **environment(pod)}
        drain = seconds(variables["LUNGFIELD_DRAIN_DELAY"]) + seconds(variables["LUNGFIELD_DRAIN_TIMEOUT"])
        grace = pod.spec.get("terminationGracePeriodSeconds", 30)
        if grace <= drain:
            yield f"{named(pod.owner)} is killed after {grace} s, and its drain may take {drain:g} s"
        request = seconds(variables["LUNGFIELD_BODY_TIMEOUT"]) + seconds(variables["LUNGFIELD_REQUEST_TIMEOUT"])
        if seconds(variables["LUNGFIELD_DRAIN_TIMEOUT"]) < request:
            yield f"{named(pod.owner)} drains for less than the {request:g} s that a request may take"


def pods_are_restricted(objects: Objects, facts: Facts) -> Iterator[str]:
    """What the pod security standard `restricted` asks for, and more: no token, nothing writable, the image's own
    user.
    """
    for pod in pods(objects):
        whole, container = pod.spec.get("securityContext", {}), pod.container.get("securityContext", {})
        kept = {
            "runs as another user than the image's": whole.get("runAsNonRoot") is True
            and whole.get("runAsUser") == facts.user,
            "has no seccomp profile": whole.get("seccompProfile") == {"type": "RuntimeDefault"},
            "may gain privileges": container.get("allowPrivilegeEscalation") is False,
            "may write to its root file system": container.get("readOnlyRootFilesystem") is True,
            "keeps capabilities": container.get("capabilities") == {"drop": ["ALL"]},
            "is given a token": pod.spec.get("automountServiceAccountToken") is False,
            "gets variables of Services, which begin with LUNGFIELD_ too": pod.spec.get("enableServiceLinks") is False,
        }
        yield from (f"{named(pod.owner)} {complaint}" for complaint, kept_so in kept.items() if not kept_so)


def images_are_of_this_version(objects: Objects, facts: Facts) -> Iterator[str]:
    for pod in pods(objects):
        tag = pod.container["image"].rpartition(":")[2]
        wanted = facts.version + ("-cuda" if environment(pod).get("LUNGFIELD_DEVICE") == "cuda" else "")
        if tag != wanted:
            yield f"{named(pod.owner)} has the image {pod.container['image']}, not {wanted}"
        gpu = "nvidia.com/gpu" in pod.container["resources"]["limits"]
        if gpu != wanted.endswith("-cuda"):
            yield f"{named(pod.owner)} {'has' if gpu else 'lacks'} a GPU and its image is {wanted}"
    for item in objects:
        label = item["metadata"].get("labels", {}).get("app.kubernetes.io/version", facts.version)
        if label != facts.version:
            yield f"{named(item)} is labelled {label}, not {facts.version}"


def selectors_find_something(objects: Objects, _facts: Facts) -> Iterator[str]:
    labels = [pod.labels for pod in pods(objects)]
    for item in of_kind(objects, "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = item["spec"]
        selector = spec.get("podSelector") or spec["selector"]
        if labels and not any(matches(selector, found) for found in labels):
            yield f"{named(item)} selects no pod"
    for item in of_kind(objects, "Deployment"):
        spreads = item["spec"]["template"]["spec"].get("topologySpreadConstraints", [])
        if not all(
            matches(spread["labelSelector"], item["spec"]["template"]["metadata"]["labels"]) for spread in spreads
        ):
            yield f"{named(item)} spreads other pods than its own"


def accounts_are_there(objects: Objects, _facts: Facts) -> Iterator[str]:
    accounts = {item["metadata"]["name"] for item in of_kind(objects, "ServiceAccount")} | {"default"}
    for pod in pods(objects):
        if pod.spec.get("serviceAccountName", "default") not in accounts:
            yield f"{named(pod.owner)} has the account {pod.spec['serviceAccountName']}, which is not there"


def objects_are_in_one_namespace(objects: Objects, _facts: Facts) -> Iterator[str]:
    found = {item["metadata"].get("namespace") for item in of_kind_not(objects, "Namespace")}
    if len(found) > 1 or None in found:
        yield f"the objects are in several namespaces, or in none: {sorted(map(str, found))}"


def of_kind_not(objects: Objects, kind: str) -> Objects:
    return [item for item in objects if item["kind"] != kind]


def listeners_are_the_ports(objects: Objects, facts: Facts) -> Iterator[str]:
    for pod in pods(objects):
        if "LUNGFIELD_LISTEN" not in facts.settings[program(pod)]:
            continue
        ports, variables = container_ports(pod), environment(pod)
        for name in ports.keys() & {"films", "metrics"}:
            variable = {"films": "LUNGFIELD_LISTEN", "metrics": "LUNGFIELD_METRICS_LISTEN"}[name]
            if variables.get(variable) != f"0.0.0.0:{ports[name]}":
                told = variables.get(variable)
                yield f"{named(pod.owner)} has the port {name} at {ports[name]}, and {variable} is {told}"


def probes_ask_what_is_served(objects: Objects, facts: Facts) -> Iterator[str]:
    for pod in pods(objects):
        found = probes(pod)
        if found and (len(found) < 3 or found["readinessProbe"]["httpGet"]["path"] != "/health/ready"):
            yield f"{named(pod.owner)} lacks a probe, or does not ask whether it is ready"
        ports = container_ports(pod)
        for name, probe in found.items():
            port, path = probe["httpGet"]["port"], probe["httpGet"]["path"]
            if port not in {*ports, *ports.values()}:
                yield f"{named(pod.owner)}: {name} asks at the port {port}, which there is not"
            if path not in facts.paths:
                yield f"{named(pod.owner)}: {name} asks for {path}, which is not served"
            if port == "films" or probe["httpGet"].get("scheme", "HTTP") != "HTTP":
                yield f"{named(pod.owner)}: {name} fails where films come over TLS"


def ports_are_known_by_name(objects: Objects, _facts: Facts) -> Iterator[str]:
    """Ports in Services and policies are names of our containers' ports; with numbers nobody notices that one was
    changed.
    """
    all_pods = list(pods(objects))
    for item in of_kind(objects, "Service"):
        ports = [port["targetPort"] for port in item["spec"]["ports"]]
        yield from unknown_ports(item, ports, item["spec"]["selector"], all_pods)
    for item in of_kind(objects, "NetworkPolicy"):
        rules = item["spec"].get("ingress", [])
        ports = [port["port"] for port in itertools.chain(*(rule.get("ports", []) for rule in rules))]
        yield from unknown_ports(item, ports, item["spec"]["podSelector"], all_pods)


def unknown_ports(item: Object, ports: Sequence[object], selector: Object, all_pods: Sequence[Pod]) -> Iterator[str]:
    known = set(itertools.chain(*(container_ports(pod) for pod in all_pods if matches(selector, pod.labels))))
    yield from (
        f"{named(item)} names the port {port}, which its pods do not have" for port in ports if port not in known
    )


def policies_let_only_named_ones_in(objects: Objects, _facts: Facts) -> Iterator[str]:
    """Every pod has a policy for both directions, no rule lets everybody in, and metrics are for a Prometheus alone."""
    policies = of_kind(objects, "NetworkPolicy")
    for pod in pods(objects):
        found = [item for item in policies if matches(item["spec"]["podSelector"], pod.labels)]
        if pod.labels and {"Ingress", "Egress"} - {kind for item in found for kind in item["spec"]["policyTypes"]}:
            yield f"{named(pod.owner)} has no policy for what comes in or goes out"
    for item in policies:
        for rule in item["spec"].get("ingress", []):
            peers = rule.get("from", [])
            if not peers or not all(
                peer.values() and all(chosen.get("matchLabels") for chosen in peer.values()) for peer in peers
            ):
                yield f"{named(item)} lets everybody in"
            prometheus = all("namespaceSelector" in peer and "podSelector" in peer for peer in peers)
            if not prometheus and any(port["port"] != "films" for port in rule.get("ports", [{"port": None}])):
                yield f"{named(item)} opens more than films to whoever may ask"


def monitors_find_metrics(objects: Objects, facts: Facts) -> Iterator[str]:
    for item in of_kind(objects, "ServiceMonitor"):
        spec = item["spec"]
        found = [
            service
            for service in of_kind(objects, "Service")
            if matches(spec["selector"], service["metadata"]["labels"])
        ]
        if len(found) != 1:
            yield f"{named(item)} finds {len(found)} Services"
            continue
        ports = {port["name"] for port in found[0]["spec"]["ports"]}
        if not {endpoint["port"] for endpoint in spec["endpoints"]} <= ports:
            yield f"{named(item)} names a port that {named(found[0])} does not have"
        if not {endpoint.get("path", "/metrics") for endpoint in spec["endpoints"]} <= facts.paths:
            yield f"{named(item)} asks for a path that is not served"
        job = found[0]["metadata"]["labels"].get(spec.get("jobLabel"), found[0]["metadata"]["name"])
        if job != facts.job:
            yield f"{named(item)} gives the job {job}, and the alerts know {facts.job}"
        if not found[0]["spec"].get("publishNotReadyAddresses"):
            yield f"{named(found[0])} leaves out servers that are not ready, so nobody would be told of them"


def autoscalers_fit(objects: Objects, facts: Facts) -> Iterator[str]:
    for item in of_kind(objects, "HorizontalPodAutoscaler"):
        target = item["spec"]["scaleTargetRef"]
        found = [other for other in of_kind(objects, target["kind"]) if other["metadata"]["name"] == target["name"]]
        if not found:
            yield f"{named(item)} scales {target['name']}, which there is not"
        yield from (
            f"{named(other)} says how many replicas, as {named(item)} does"
            for other in found
            if "replicas" in other["spec"]
        )
        wanted = {metric["pods"]["metric"]["name"] for metric in item["spec"]["metrics"] if "pods" in metric}
        for name in wanted - facts.metrics:
            yield f"{named(item)} goes by {name}, which the program does not give"
        gpu = any("nvidia.com/gpu" in pod.container["resources"]["limits"] for pod in pods(found))
        if gpu and any(metric["type"] == "Resource" for metric in item["spec"]["metrics"]):
            yield f"{named(item)} goes by a GPU's idle cores"


def jobs_cover_the_archive(objects: Objects, _facts: Facts) -> Iterator[str]:
    for item in of_kind(objects, "Job"):
        pod = next(pods([item]))
        parts = environment(pod).get("LUNGFIELD_SHARD", "").partition("/")[2]
        if item["spec"].get("completionMode") != "Indexed" or parts != str(item["spec"]["completions"]):
            yield f"{named(item)} has {item['spec']['completions']} indices for {parts or 'no'} parts"
        actions = {}
        for rule in item["spec"]["podFailurePolicy"]["rules"]:
            codes = rule.get("onExitCodes", {})
            if codes and codes.get("containerName") != pod.container["name"]:
                yield f"{named(item)} looks at the exit code of {codes.get('containerName')}, which there is not"
            actions.update({code: rule["action"] for code in codes.get("values", []) if code not in actions})
        if actions != {2: "FailJob", 3: "FailIndex", 130: "Ignore"}:
            yield f"{named(item)} does {actions} by exit code"
        if "backoffLimitPerIndex" not in item["spec"]:
            yield f"{named(item)} gives up all parts when one fails often"


def metrics_of_the_adapter(values: Object, objects: Objects, facts: Facts) -> Iterator[str]:
    """Yields what is wrong with the adapter's rules, given every rendered object."""
    given = set()
    for rule in values["rules"]["custom"]:
        series = re.split(r"\W", rule["seriesQuery"])[0]
        if series not in facts.metrics:
            yield f"the adapter asks for {series}, which the program does not give"
        given.add(re.sub(rule["name"]["matches"], rule["name"]["as"].replace("$", "\\"), series))
    autoscalers = of_kind(objects, "HorizontalPodAutoscaler")
    wanted = {
        metric["pods"]["metric"]["name"]
        for item in autoscalers
        for metric in item["spec"]["metrics"]
        if "pods" in metric
    }
    yield from (f"an autoscaler goes by {name}, which the adapter does not give" for name in wanted - given)


CLAIMS = [
    memory_holds_what_the_settings_allow,
    variables_are_known,
    variables_refer_to_earlier_ones,
    programs_take_the_settings,
    files_are_mounted,
    threads_are_the_cores,
    the_drain_fits_into_the_grace,
    pods_are_restricted,
    images_are_of_this_version,
    selectors_find_something,
    accounts_are_there,
    objects_are_in_one_namespace,
    listeners_are_the_ports,
    probes_ask_what_is_served,
    ports_are_known_by_name,
    policies_let_only_named_ones_in,
    monitors_find_metrics,
    autoscalers_fit,
    jobs_cover_the_archive,
]


def complaints(objects: Any, facts: Facts, of: Sequence[Callable[..., Iterator[str]]] = CLAIMS) -> list[str]:
    """Returns whatever is not so, of all that is claimed. A claim that misses what it looks at, or can't read it,
    complains of that.
    """
    found: list[str] = []
    for claim in of:
        try:
            found += claim(objects, facts)
        except (LookupError, ValueError) as error:
            found.append(f"{claim.__name__.replace('_', ' ')}? {type(error).__name__}: {error}")
    return found
