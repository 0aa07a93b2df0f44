"""Writes the release's list of parts (SBOM): crates, libtorch's libraries, the model, what the page is made of.

    python3 -m scripts.release.sbom --libtorch .libtorch --out sbom.cdx.json

It is CycloneDX 1.6, and the same bytes for the same commit: its time is the commit's and its number is made from its
contents. The crates of this workspace are parts of the program itself, and not listed. Needs cargo, Python 3.9 or
later and nothing else.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scripts.common.repository import MODEL, ROOT
from scripts.libtorch import fetch
from scripts.release import crates, facts
from scripts.release.crates import Crate, Key

Component = dict[str, Any]

NVIDIA = "LicenseRef-NVIDIA-Proprietary"
GOMP = "GPL-3.0-or-later WITH GCC-exception-3.1"
# Licences of what fetch.py fetches, by the wheel's name; torch's wheel lists in its LICENSE what PyTorch itself is
# made of.
WHEEL_LICENCES = {"torch": "BSD-3-Clause", "nvidia-cuda-runtime": NVIDIA, "nvidia-cuda-cupti": NVIDIA}
# It only points at the others when programs are linked, and is not shipped.
LINK_ONLY = "libtorch.so"
# Swagger UI lies in the crate of the same name and version.
SWAGGER_CRATE = "swagger-ui-dist"
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562's, for URLs


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def component(kind: str, name: str, version: str, **more: Any) -> Component:
    """Returns a component; its purl, or else its name, is what others refer to it by."""
    reference = more.get("purl", f"{name}@{version}" if version else name)
    written = {"type": kind, "bom-ref": reference, "name": name, "version": version, **more}
    return {key: value for key, value in written.items() if value}


def hashes(digest: str | None) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest}] if digest else []


def expression(licence: str) -> list[dict[str, str]]:
    return [{"expression": licence}]


def crate_purl(key: Key) -> str:
    return f"pkg:cargo/{key[0]}@{quote(key[1])}"


def crate_component(crate: Crate) -> Component:
    source = [{"type": "vcs", "url": crate.repository}] if crate.repository else []
    return component(
        "library",
        crate.name,
        crate.version,
        description=crate.description,
        hashes=hashes(crate.sha256),
        licenses=expression(crate.licence),
        purl=crate_purl(crate.key),
        externalReferences=source,
    )


def file_component(path: Path, licence: str | None = None) -> Component:
    more = {"licenses": expression(licence)} if licence else {}
    return component("file", path.name, "", hashes=hashes(sha256(path)), **more)


def shipped(requirement: str) -> list[str]:
    """Returns names of the libraries that are shipped of a wheel."""
    members = [member.rsplit("/", 1)[-1] for member in fetch.WHEELS[requirement]]
    return [member for member in members if member not in ("", LINK_ONLY)]


def wheel_component(requirement: str, folder: Path) -> Component:
    """Returns a wheel of PyPI, with the libraries of it that are shipped."""
    name, version = requirement.split("==")
    # The OpenMP runtime comes in torch's wheel, and is GCC's.
    files = [
        file_component(folder / "lib" / member, GOMP if "gomp" in member else None) for member in shipped(requirement)
    ]
    wheel = {
        "type": "distribution",
        "url": f"https://pypi.org/project/{name}/{version}/",
        "comment": "the wheel's hash",
        "hashes": hashes(fetch.SHA256[requirement]),
    }
    return component(
        "library",
        name,
        version,
        licenses=expression(WHEEL_LICENCES[name]),
        purl=f"pkg:pypi/{name}@{version}",
        externalReferences=[wheel],
        components=files,
    )


def model_component() -> Component:
    manifest = json.loads((MODEL / "manifest.json").read_text())
    weights = MODEL / "model.safetensors"
    if sha256(weights) != manifest["weights_sha256"]:
        raise SystemExit("sbom.py: the weights are not those of the model's manifest")
    return component(
        "machine-learning-model",
        manifest["name"],
        manifest["version"],
        hashes=hashes(manifest["weights_sha256"]),
        licenses=expression(manifest["license"]),
    )


def rust_component() -> Component:
    """Returns Rust's standard library, which is in every program."""
    command = [os.environ.get("RUSTC", "rustc"), "--version"]
    version = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[1]
    licences = expression("MIT OR Apache-2.0")
    return component("library", "rust-std", version, licenses=licences, purl=f"pkg:generic/rust-std@{version}")


def swagger_component(found: Sequence[Crate]) -> Component:
    """Returns what runs in browsers: Swagger UI, out of its crate."""
    (crate,) = [crate for crate in found if crate.name == SWAGGER_CRATE]
    bundle = crate.folder / "assets" / "swagger-ui-bundle.js"
    if f'"{crate.version}"' not in bundle.read_text():
        raise SystemExit(f"sbom.py: the script in {SWAGGER_CRATE} is not of the crate's version {crate.version}")
    return component(
        "library",
        "swagger-ui",
        crate.version,
        licenses=expression("Apache-2.0"),
        purl=f"pkg:npm/swagger-ui-dist@{crate.version}",
        components=[file_component(bundle)],
    )


def numbered(document: dict[str, Any]) -> dict[str, Any]:
    """Returns the document with a serial number that is made from all of the rest."""
    name = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return {**document, "serialNumber": uuid.uuid5(NAMESPACE, name).urn}


def needs_of_ours(ours: Sequence[Crate]) -> list[str]:
    """Returns the other crates that the members of this workspace are linked to."""
    members = {crate.key for crate in ours}
    needs = {need for crate in ours for need in crate.needs if need not in members}
    return [crate_purl(need) for need in sorted(needs)]


def compose(libtorch_folder: Path) -> dict[str, Any]:
    found = list(crates.crates().values())
    ours, third_party = [crate for crate in found if crate.ours], [crate for crate in found if not crate.ours]
    (own,) = [crate for crate in ours if crate.name == "lungfield"]
    subject = component(
        "application",
        own.name,
        own.version,
        description=own.description,
        licenses=expression(own.licence),
        purl=f"pkg:generic/{own.name}@{own.version}",
    )
    others = [wheel_component(requirement, libtorch_folder) for requirement in fetch.WHEELS]
    others += [rust_component(), model_component(), swagger_component(third_party)]
    needs = {crate_purl(crate.key): [crate_purl(need) for need in crate.needs] for crate in third_party}
    needs[subject["bom-ref"]] = needs_of_ours(ours) + [other["bom-ref"] for other in others]
    when = datetime.datetime.fromtimestamp(facts.epoch(), datetime.timezone.utc)
    return numbered(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": subject},
            "components": [crate_component(crate) for crate in third_party] + others,
            "dependencies": [{"ref": reference, "dependsOn": needs[reference]} for reference in sorted(needs)],
        }
    )


def text(libtorch_folder: Path) -> str:
    return json.dumps(compose(libtorch_folder), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--libtorch", type=Path, required=True, help="the folder that scripts/libtorch/fetch.py made")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.write_text(text(arguments.libtorch))


if __name__ == "__main__":
    main()
