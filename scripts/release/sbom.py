#!/usr/bin/env python3
"""Decides what the release's list of parts (SBOM) holds: crates, libtorch's libraries, the model, what the page is made of.

    python3 scripts/release/sbom.py --libtorch .libtorch --out sbom.cdx.json

It is CycloneDX 1.6, and the same bytes for the same commit: its time is the commit's and its number is made from its contents.
Needs cargo, Python 3.8 or later and nothing else.
"""

import argparse
import datetime
import hashlib
import json
import os
import subprocess
import uuid
from pathlib import Path
from urllib.parse import quote

import crates
import facts

import libtorch

NVIDIA = "LicenseRef-NVIDIA-Proprietary"
GOMP = "GPL-3.0-or-later WITH GCC-exception-3.1"
# Licences of what libtorch.py fetches, by the wheel's name; torch's wheel lists in its LICENSE what PyTorch itself is made of.
WHEEL_LICENCES = {"torch": "BSD-3-Clause", "nvidia-cuda-runtime": NVIDIA, "nvidia-cuda-cupti": NVIDIA}
# It only points at the others when programs are linked, and is not shipped.
LINK_ONLY = "libtorch.so"
# Swagger UI lies in the crate of the same name and version.
SWAGGER_CRATE = "swagger-ui-dist"
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562's, for URLs


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def component(kind, name, version, **more):
    """A component; its purl, or else its name, is what others refer to it by."""
    reference = more.get("purl", f"{name}@{version}" if version else name)
    written = {"type": kind, "bom-ref": reference, "name": name, "version": version, **more}
    return {key: value for key, value in written.items() if value}


def hashes(digest):
    return [{"alg": "SHA-256", "content": digest}] if digest else []


def expression(licence):
    return [{"expression": licence}]


def crate_purl(key):
    return f"pkg:cargo/{key[0]}@{quote(key[1])}"


def crate_component(crate):
    source = [{"type": "vcs", "url": crate.repository}] if crate.repository else []
    return component(
        "library", crate.name, crate.version, description=crate.description, hashes=hashes(crate.sha256),
        licenses=expression(crate.licence), purl=crate_purl(crate[:2]), externalReferences=source,
    )


def file_component(path, licence=None):
    more = {"licenses": expression(licence)} if licence else {}
    return component("file", path.name, "", hashes=hashes(sha256(path)), **more)


def shipped(requirement):
    """Names of the libraries that are shipped of a wheel."""
    members = [member.rsplit("/", 1)[-1] for member in libtorch.WHEELS[requirement]]
    return [member for member in members if member not in ("", LINK_ONLY)]


def wheel_component(requirement, folder):
    """A wheel of PyPI, with the libraries of it that are shipped."""
    name, version = requirement.split("==")
    # The OpenMP runtime comes in torch's wheel, and is GCC's.
    files = [file_component(folder / "lib" / member, GOMP if "gomp" in member else None) for member in shipped(requirement)]
    wheel = {
        "type": "distribution", "url": f"https://pypi.org/project/{name}/{version}/", "comment": "the wheel's hash",
        "hashes": hashes(libtorch.SHA256[requirement]),
    }
    return component(
        "library", name, version, licenses=expression(WHEEL_LICENCES[name]), purl=f"pkg:pypi/{name}@{version}",
        externalReferences=[wheel], components=files,
    )


def model_component():
    manifest = json.loads((facts.MODEL / "manifest.json").read_text())
    weights = facts.MODEL / "model.safetensors"
    if sha256(weights) != manifest["weights_sha256"]:
        raise SystemExit("sbom.py: the weights are not those of the model's manifest")
    return component(
        "machine-learning-model", manifest["name"], manifest["version"], hashes=hashes(manifest["weights_sha256"]),
        licenses=expression(manifest["license"]),
    )


def rust_component():
    """Rust's standard library, which is in every program."""
    command = [os.environ.get("RUSTC", "rustc"), "--version"]
    version = subprocess.run(command, cwd=facts.ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[1]
    licences = expression("MIT OR Apache-2.0")
    return component("library", "rust-std", version, licenses=licences, purl=f"pkg:generic/rust-std@{version}")


def swagger_component(found):
    """What runs in browsers: Swagger UI, out of its crate."""
    (crate,) = [crate for crate in found.values() if crate.name == SWAGGER_CRATE]
    bundle = crate.folder / "assets" / "swagger-ui-bundle.js"
    if f'"{crate.version}"' not in bundle.read_text():
        raise SystemExit(f"sbom.py: the script in {SWAGGER_CRATE} is not of the crate's version {crate.version}")
    return component(
        "library", "swagger-ui", crate.version, licenses=expression("Apache-2.0"),
        purl=f"pkg:npm/swagger-ui-dist@{crate.version}", components=[file_component(bundle)],
    )


def numbered(document):
    """The document with a serial number that is made from all of the rest."""
    name = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return {**document, "serialNumber": uuid.uuid5(NAMESPACE, name).urn}


def compose(libtorch_folder):
    found = crates.crates()
    own = found.pop(("lungfield", facts.VERSION))
    subject = component(
        "application", "lungfield", facts.VERSION, description=own.description, licenses=expression(own.licence),
        purl=f"pkg:generic/lungfield@{facts.VERSION}",
    )
    others = [wheel_component(requirement, libtorch_folder) for requirement in libtorch.WHEELS]
    others += [rust_component(), model_component(), swagger_component(found)]
    needs = {crate_purl(key): [crate_purl(need) for need in crate.needs] for key, crate in found.items()}
    needs[subject["bom-ref"]] = [crate_purl(need) for need in own.needs] + [other["bom-ref"] for other in others]
    when = datetime.datetime.fromtimestamp(facts.epoch(), datetime.timezone.utc)
    return numbered({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": subject},
        "components": [crate_component(crate) for crate in found.values()] + others,
        "dependencies": [{"ref": reference, "dependsOn": needs[reference]} for reference in sorted(needs)],
    })


def text(libtorch_folder):
    return json.dumps(compose(libtorch_folder), indent=1, ensure_ascii=False) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--libtorch", type=Path, required=True, help="the folder that scripts/libtorch.py made")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.write_text(text(arguments.libtorch))


if __name__ == "__main__":
    main()
