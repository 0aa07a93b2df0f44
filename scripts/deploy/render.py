"""Renders manifests to the objects that a cluster would be given, and checks each by the schema of its kind."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import referencing
import yaml

from scripts.common.repository import ROOT
from scripts.deploy.objects import Object, Objects

KUBERNETES = ROOT / "deploy" / "kubernetes"
SCHEMAS = ROOT / "deploy" / "schemas"
# The oldest that knows all that the archive's job needs, and the newest that the validator knows.
VERSIONS = ("1.29", kubernetes_validate.latest_version())
OWN_SCHEMAS = {"ServiceMonitor": "service-monitor.json", "InferenceService": "inference-service.json"}
# What a predictor has beside the fields of a pod.
KSERVE_FIELDS = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "timeout"}


def kustomize(tool: Sequence[str], folder: Path) -> Objects:
    """Returns the objects that `kubectl kustomize` makes of a folder."""
    run = subprocess.run([*tool, str(folder)], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{' '.join(tool)} {folder}: {run.stderr.strip()}")
    return [item for item in yaml.safe_load_all(run.stdout) if item]


def knows_components(tool: Sequence[str]) -> bool:
    """Returns whether it can read what is optional: kubectl can from 1.21 on, Debian's 1.20 can't."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "kustomization.yaml").write_text(
            "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\ncomponents: []\n"
        )
        run = subprocess.run([*tool, folder], capture_output=True, text=True)
    return "unknown field" not in run.stderr


def with_components(tool: Sequence[str], overlay: str, components: Sequence[str]) -> Objects:
    """Returns an overlay with components on top, as a user would write it."""
    with tempfile.TemporaryDirectory() as folder:
        place = os.path.realpath(folder)

        def beside(path: str) -> str:
            return os.path.relpath(KUBERNETES / path, place)

        text = yaml.safe_dump(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": [beside(overlay)],
                "components": [beside(f"components/{name}") for name in components],
            }
        )
        Path(place, "kustomization.yaml").write_text(text)
        return kustomize(tool, Path(place))


def variants(tool: Sequence[str]) -> dict[str, Objects | None]:
    """Returns everything that can be rendered, by name. What this tool can't render is named too, with nothing."""
    found: dict[str, Objects | None] = {
        name: kustomize(tool, KUBERNETES / name) for name in ("base", "overlays/cpu", "overlays/cuda", "archive-job")
    }
    found["namespace.yaml"] = list(yaml.safe_load_all((KUBERNETES / "namespace.yaml").read_text(encoding="utf-8")))
    found["kserve"] = list(
        yaml.safe_load_all((ROOT / "deploy/kserve/inference-service.yaml").read_text(encoding="utf-8"))
    )
    names = sorted(path.name for path in (KUBERNETES / "components").iterdir())
    able = knows_components(tool)
    for overlay in ("overlays/cpu", "overlays/cuda"):
        for chosen in [[name] for name in names] + [names]:
            found[" + ".join([overlay, *chosen])] = with_components(tool, overlay, chosen) if able else None
    return found


def registry() -> Any:
    """Returns our own schemas, which refer to one another by their files' names."""
    contents = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}
    return referencing.Registry().with_resources(
        [(name, referencing.Resource.from_contents(text)) for name, text in contents.items()]
    )


def against(schema: str, document: Object) -> list[str]:
    """Returns what one of our schemas has against a document."""
    contents = registry().contents(schema)
    validator = jsonschema.Draft202012Validator({"$id": schema, **contents}, registry=registry())
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(document)]


def as_pod(service: Object) -> Object:
    """Returns the pod that an InferenceService asks for."""
    spec = {key: value for key, value in service["spec"]["predictor"].items() if key not in KSERVE_FIELDS}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": service["metadata"]["name"]}, "spec": spec}


def built_in(document: Object) -> list[str]:
    """Returns what Kubernetes' own schemas, old and new, have against an object; unknown fields count."""
    wrong = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place, message = ".".join(map(str, error.absolute_path)), re.sub(r"{.*}", "…", error.message)
            wrong.append(f"Kubernetes {version}: {place}: {message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            wrong.append(error.message)
    return wrong


def of_its_kind(document: Object) -> list[str]:
    """Returns what is wrong with an object by the schema of its kind."""
    own = OWN_SCHEMAS.get(document.get("kind", ""))
    wrong = against(own, document) if own else built_in(document)
    if not wrong and document["kind"] == "InferenceService":
        wrong = built_in(as_pod(document))
    return wrong


def compose_schema() -> Any:
    """Returns the Compose specification's own schema (Apache-2.0), as check-jsonschema ships it."""
    folder = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    return json.loads((folder / "compose-spec.json").read_text(encoding="utf-8"))


def of_compose(document: Object) -> list[str]:
    schema = compose_schema()
    errors = jsonschema.validators.validator_for(schema)(schema).iter_errors(document)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]
