"""Tests check.py itself: every claim and every schema must complain of a manifest in which one thing was broken.

    .venv-deploy/bin/python -m scripts.deploy.check_test

--kustomize names another tool than `kubectl kustomize`. Nothing is written.
"""

from __future__ import annotations

import argparse
import copy
import shlex
import sys
import unittest
from pathlib import Path
from typing import ClassVar

from scripts.common.command_line import parser
from scripts.deploy import claims, compose, render
from scripts.deploy.facts import Facts, cores, read_facts, read_yaml, seconds, size
from scripts.deploy.objects import Object, Objects, of_kind, pods

ADAPTER = "deploy/kubernetes/prometheus-adapter.yaml"


def first(objects: Objects, kind: str) -> Object:
    return of_kind(objects, kind)[0]


def container(objects: Objects) -> Object:
    return next(pods(objects)).container


def spec(objects: Objects) -> Object:
    return next(pods(objects)).spec


def tell(objects: Objects, name: str, value: str) -> None:
    """Sets a variable, in the place that it has."""
    for entry in container(objects)["env"]:
        if entry["name"] == name:
            entry.pop("valueFrom", None)
            entry["value"] = value
            return
    container(objects)["env"].append({"name": name, "value": value})


def forget(objects: Objects, name: str) -> None:
    container(objects)["env"] = [entry for entry in container(objects)["env"] if entry["name"] != name]


def rules(objects: Objects) -> Objects:
    return first(objects, "Job")["spec"]["podFailurePolicy"]["rules"]


def policy(objects: Objects) -> Object:
    return first(objects, "NetworkPolicy")["spec"]


def metrics_service(objects: Objects) -> Object:
    return next(item for item in of_kind(objects, "Service") if item["metadata"]["name"] == "lungfield-metrics")


def index_last(objects: Objects) -> None:
    """Puts the index last, in the order that Kubernetes itself would make."""
    env = container(objects)["env"]
    env.append(env.pop(next(at for at, entry in enumerate(env) if entry["name"] == "JOB_COMPLETION_INDEX")))


CPU, CUDA, JOB = "overlays/cpu", "overlays/cuda", "archive-job"
# Which claim, which rendering, and what is done to it. A name in the place of a rendering's is that of another one.
BROKEN = [
    (claims.memory_holds_what_the_settings_allow, CPU, lambda o: tell(o, "LUNGFIELD_MAX_PIXELS", "64M")),
    (claims.memory_holds_what_the_settings_allow, CPU, lambda o: forget(o, "LUNGFIELD_MAX_PIXELS")),
    (claims.memory_holds_what_the_settings_allow, CPU, lambda o: forget(o, "LUNGFIELD_DECODE_PERMITS")),
    (
        claims.memory_holds_what_the_settings_allow,
        CPU,
        lambda o: container(o)["resources"]["limits"].update(memory="1Gi"),
    ),
    (claims.memory_holds_what_the_settings_allow, JOB, lambda o: tell(o, "LUNGFIELD_READ_AHEAD", "2GiB")),
    (claims.memory_holds_what_the_settings_allow, "kserve", lambda o: tell(o, "LUNGFIELD_BYTE_BUDGET", "1GiB")),
    (claims.variables_are_known, CPU, lambda o: tell(o, "LUNGFIELD_MAX_PIXEL", "20M")),
    (claims.variables_are_known, JOB, lambda o: tell(o, "LUNGFIELD_BYTE_BUDGET", "256MiB")),
    (claims.variables_refer_to_earlier_ones, JOB, index_last),
    (claims.files_are_mounted, CPU, lambda o: tell(o, "LUNGFIELD_API_KEYS", "/etc/lungfield/keys/keys")),
    (
        claims.files_are_mounted,
        CPU,
        lambda o: container(o).update(volumeMounts=[{"name": "x", "mountPath": "/x", "readOnly": True}]),
    ),
    (claims.threads_are_the_cores, CPU, lambda o: tell(o, "LUNGFIELD_THREADS", "4")),
    (claims.threads_are_the_cores, CPU, lambda o: container(o)["resources"]["limits"].update(cpu="1500m")),
    (claims.the_drain_fits_into_the_grace, CPU, lambda o: tell(o, "LUNGFIELD_DRAIN_DELAY", "20s")),
    (claims.the_drain_fits_into_the_grace, CPU, lambda o: spec(o).pop("terminationGracePeriodSeconds")),
    (claims.the_drain_fits_into_the_grace, CPU, lambda o: tell(o, "LUNGFIELD_REQUEST_TIMEOUT", "1m")),
    (claims.pods_are_restricted, CPU, lambda o: spec(o)["securityContext"].update(runAsUser=0)),
    (claims.pods_are_restricted, CPU, lambda o: container(o)["securityContext"].pop("readOnlyRootFilesystem")),
    (claims.pods_are_restricted, JOB, lambda o: spec(o).pop("automountServiceAccountToken")),
    (claims.images_are_of_this_version, CPU, lambda o: container(o).update(image="lungfield:latest")),
    (claims.images_are_of_this_version, CUDA, lambda o: tell(o, "LUNGFIELD_DEVICE", "cpu")),
    (claims.images_are_of_this_version, CUDA, lambda o: container(o)["resources"]["limits"].pop("nvidia.com/gpu")),
    (
        claims.images_are_of_this_version,
        CPU,
        lambda o: first(o, "Service")["metadata"]["labels"].update({"app.kubernetes.io/version": "0"}),
    ),
    (
        claims.selectors_find_something,
        CPU,
        lambda o: next(pods(o)).labels.update({"app.kubernetes.io/component": "other"}),
    ),
    (claims.selectors_find_something, CPU, lambda o: first(o, "PodDisruptionBudget")["spec"]["selector"].clear()),
    (
        claims.selectors_find_something,
        CPU,
        lambda o: spec(o)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].update(x="y"),
    ),
    (claims.accounts_are_there, CPU, lambda o: o.remove(first(o, "ServiceAccount"))),
    (claims.objects_are_in_one_namespace, CPU, lambda o: first(o, "Service")["metadata"].pop("namespace")),
    (claims.listeners_are_the_ports, CPU, lambda o: tell(o, "LUNGFIELD_METRICS_LISTEN", "127.0.0.1:9090")),
    (claims.probes_ask_what_is_served, CPU, lambda o: container(o)["readinessProbe"]["httpGet"].update(path="/ready")),
    (claims.probes_ask_what_is_served, CPU, lambda o: container(o)["livenessProbe"]["httpGet"].update(path="/health")),
    (claims.probes_ask_what_is_served, CPU, lambda o: container(o)["livenessProbe"]["httpGet"].update(port="films")),
    (claims.probes_ask_what_is_served, CPU, lambda o: container(o)["startupProbe"]["httpGet"].update(port="health")),
    (claims.ports_are_known_by_name, CPU, lambda o: first(o, "Service")["spec"]["ports"][0].update(targetPort=8080)),
    (claims.ports_are_known_by_name, CPU, lambda o: policy(o)["ingress"][0]["ports"][0].update(port="http")),
    (claims.policies_let_only_named_ones_in, CPU, lambda o: policy(o)["ingress"][0].pop("from")),
    (
        claims.policies_let_only_named_ones_in,
        CPU,
        lambda o: policy(o)["ingress"][0]["from"].append({"namespaceSelector": {}}),
    ),
    (
        claims.policies_let_only_named_ones_in,
        CPU,
        lambda o: policy(o)["ingress"][0]["ports"].append({"port": "metrics"}),
    ),
    (claims.policies_let_only_named_ones_in, JOB, lambda o: o.remove(first(o, "NetworkPolicy"))),
    (claims.monitors_find_metrics, CPU, lambda o: o.remove(metrics_service(o))),
    (
        claims.monitors_find_metrics,
        CPU,
        lambda o: first(o, "ServiceMonitor")["spec"]["endpoints"][0].update(port="films"),
    ),
    (claims.monitors_find_metrics, CPU, lambda o: first(o, "ServiceMonitor")["spec"].pop("jobLabel")),
    (claims.monitors_find_metrics, CPU, lambda o: metrics_service(o)["spec"].pop("publishNotReadyAddresses")),
    (
        claims.autoscalers_fit,
        CPU,
        lambda o: first(o, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"].update(name="server"),
    ),
    (claims.autoscalers_fit, CPU, lambda o: first(o, "Deployment")["spec"].update(replicas=2)),
    (
        claims.autoscalers_fit,
        CPU,
        lambda o: first(o, "HorizontalPodAutoscaler")["spec"]["metrics"][1]["pods"]["metric"].update(name="x"),
    ),
    (
        claims.autoscalers_fit,
        CUDA,
        lambda o: first(o, "HorizontalPodAutoscaler")["spec"]["metrics"].append({"type": "Resource"}),
    ),
    (claims.jobs_cover_the_archive, JOB, lambda o: first(o, "Job")["spec"].update(completions=33)),
    (claims.jobs_cover_the_archive, JOB, lambda o: rules(o).pop(2)),
    (claims.jobs_cover_the_archive, JOB, lambda o: rules(o)[1]["onExitCodes"].update(containerName="segment")),
    (claims.jobs_cover_the_archive, JOB, lambda o: first(o, "Job")["spec"].pop("backoffLimitPerIndex")),
]
# Fields that no schema knows, and values that it does not take.
MISSHAPEN = [
    (CPU, lambda o: container(o)["livenessProbe"].update(periodSecond=10)),
    (CPU, lambda o: container(o).update(ports="8080")),
    (CPU, lambda o: first(o, "HorizontalPodAutoscaler").update(apiVersion="autoscaling/v2beta2")),
    (CPU, lambda o: first(o, "ServiceMonitor")["spec"]["endpoints"][0].update(targetPort=9090)),
    (CPU, lambda o: first(o, "ServiceMonitor")["spec"]["endpoints"][0].update(interval="15 s")),
    ("kserve", lambda o: first(o, "InferenceService")["spec"]["predictor"].update(minReplica=2)),
    ("kserve", lambda o: container(o).update(name="lungfield")),
    (JOB, lambda o: rules(o)[2]["onExitCodes"].update(values=["3"])),
]
SERVER = "lungfield"
BROKEN_COMPOSE = [
    (
        compose.the_server_is_held_to_its_bound,
        lambda d: d["services"][SERVER]["environment"].update(LUNGFIELD_MAX_PIXELS="64M"),
    ),
    (
        compose.the_server_is_held_to_its_bound,
        lambda d: d["services"][SERVER]["environment"].update(LUNGFIELD_PIXELS="20M"),
    ),
    (compose.the_server_is_held_to_its_bound, lambda d: d["services"][SERVER].update(stop_grace_period="30s")),
    (compose.the_server_is_our_image, lambda d: d["services"][SERVER].update(image="lungfield:1")),
    (compose.the_server_is_our_image, lambda d: d["services"][SERVER]["build"].update(target="gpu")),
    (compose.the_server_is_our_image, lambda d: d["services"][SERVER]["healthcheck"].update(test=["CMD", "true"])),
    (compose.services_are_guarded, lambda d: d["services"]["grafana"].pop("cap_drop")),
    (compose.services_are_guarded, lambda d: d["services"]["grafana"].update(image="grafana/grafana")),
    (compose.services_are_guarded, lambda d: d["services"]["prometheus"].update(ports=["9091:9090"])),
    (compose.mounts_are_there, lambda d: d["services"]["grafana"]["volumes"].append("../deploy/nothing:/x:ro")),
    (
        compose.mounts_are_there,
        lambda d: d["services"]["prometheus"].update(volumes=["../deploy/prometheus:/etc/prometheus"]),
    ),
    (compose.mounts_are_there, lambda d: d["volumes"].pop("grafana")),
    (
        compose.prometheus_watches_the_server,
        lambda d: d["services"][SERVER]["environment"].update(LUNGFIELD_METRICS_LISTEN="0.0.0.0:9"),
    ),
    (
        compose.prometheus_watches_the_server,
        lambda d: d["services"]["prometheus"]["command"].insert(0, "--config.file=/etc/prometheus/x"),
    ),
    (
        compose.prometheus_watches_the_server,
        lambda d: d["services"]["prometheus"]["command"].insert(0, "--config.file=/etc/prometheus/prometheus.yaml"),
    ),
    (compose.grafana_shows_the_dashboard, lambda d: d["services"]["prometheus"].update(ports=["127.0.0.1:9091:9091"])),
    (compose.grafana_shows_the_dashboard, lambda d: d["services"]["grafana"]["volumes"].pop(2)),
]


class Check(unittest.TestCase):
    options: ClassVar[argparse.Namespace]
    facts: ClassVar[Facts]
    rendered: ClassVar[dict[str, Objects]]
    compose: ClassVar[Object]

    @classmethod
    def setUpClass(cls) -> None:
        cls.facts = read_facts(cls.options.server, cls.options.segment)
        rendered = render.variants(shlex.split(cls.options.kustomize))
        cls.rendered = {name: objects for name, objects in rendered.items() if objects is not None}
        cls.compose = read_yaml(compose.FILE)

    def test_nothing_is_wrong_where_nothing_is_broken(self) -> None:
        for objects in self.rendered.values():
            self.assertEqual([], [error for item in objects for error in render.of_its_kind(item)])
            self.assertEqual([], claims.complaints(objects, self.facts))

    def test_each_claim_complains_of_what_breaks_it(self) -> None:
        for at, (claim, name, broken) in enumerate(BROKEN):
            objects = copy.deepcopy(self.rendered[name])
            broken(objects)
            with self.subTest(claim.__name__, row=at):
                self.assertTrue(list(claim(objects, self.facts)))

    def test_no_claim_is_left_out(self) -> None:
        tried = {claim for claim, _, _ in BROKEN} | {claims.programs_take_the_settings}  # which has a test of its own
        self.assertEqual(set(claims.CLAIMS), tried)
        self.assertEqual(set(compose.CLAIMS), {claim for claim, _ in BROKEN_COMPOSE})

    def test_schemas_refuse_what_is_misshapen(self) -> None:
        for at, (name, broken) in enumerate(MISSHAPEN):
            objects = copy.deepcopy(self.rendered[name])
            broken(objects)
            with self.subTest(row=at):
                self.assertTrue([error for item in objects for error in render.of_its_kind(item)])

    def test_each_claim_on_compose_complains(self) -> None:
        for at, (claim, broken) in enumerate(BROKEN_COMPOSE):
            document = copy.deepcopy(self.compose)
            broken(document)
            with self.subTest(claim.__name__, row=at):
                self.assertTrue(list(claim(document, self.facts)))

    def test_what_a_claim_can_not_read_is_a_complaint_too(self) -> None:
        for broken in (
            lambda o: tell(o, "LUNGFIELD_MAX_PIXELS", "20X"),
            lambda o: container(o)["resources"].pop("limits"),
        ):
            objects = copy.deepcopy(self.rendered[CPU])
            broken(objects)
            self.assertIn("memory holds what", " ".join(claims.complaints(objects, self.facts)))

    def test_compose_has_a_schema(self) -> None:
        document = copy.deepcopy(self.compose)
        document["services"][SERVER]["readonly"] = True
        self.assertTrue(render.of_compose(document))

    def test_the_adapter_gives_what_the_autoscaler_asks_for(self) -> None:
        for change in ({"seriesQuery": "lungfield_queue_length{}"}, {"name": {"matches": "^(.*)$", "as": "$1_mean"}}):
            values = read_yaml(ADAPTER)
            values["rules"]["custom"][0].update(change)
            self.assertTrue(list(claims.metrics_of_the_adapter(values, self.rendered[CPU], self.facts)), change)
        self.assertTrue(render.against("prometheus-adapter.json", {"rules": {"custom": [{"metricsQuery": "sum(x)"}]}}))

    def test_a_program_s_refusal_is_heard(self) -> None:
        """With a program that refuses as clap does, and one that takes everything."""
        for program, heard in (("/bin/false", False), (sys.executable, True)):  # Python knows no --health-check: code 2
            some = self.facts._replace(programs={"lungfield-serve": Path(program)})
            self.assertEqual(heard, bool(list(claims.programs_take_the_settings(self.rendered[CPU], some))))

    def test_sizes_and_durations_are_read_as_the_programs_do(self) -> None:
        for text, number in (("20M", 20e6), ("64MiB", 64 << 20), ("2Gi", 2 << 30), ("128", 128), ("1GB", 1e9)):
            self.assertEqual(number, size(text))
        for text, number in (("10s", 10), ("1m 30s", 90), ("500ms", 0.5)):
            self.assertEqual(number, seconds(text))
        for text in ("", "much", "10 apples"):
            self.assertRaises(ValueError, seconds, text)
        self.assertEqual([2, 1.5], [cores("2"), cores("1500m")])


if __name__ == "__main__":
    options = parser(__doc__, "server", "segment")
    options.add_argument("--kustomize", default="kubectl kustomize", metavar="COMMAND")
    Check.options = options.parse_args()
    unittest.main(argv=sys.argv[:1])
