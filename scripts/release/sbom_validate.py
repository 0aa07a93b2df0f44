"""Checks an SBOM by CycloneDX's own schema of its version, and whether its references meet.

    .venv-release/bin/python -m scripts.release.sbom_validate sbom.cdx.json

Needs the packages of scripts/release/requirements.txt, which hold the schemas: nothing is fetched.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def references(document: dict[str, Any]) -> Iterator[str]:
    """Yields everything that can be referred to."""
    waiting = [document["metadata"]["component"], *document["components"]]
    while waiting:
        one = waiting.pop()
        waiting += one.get("components", [])
        yield one["bom-ref"]


def problem(text: str) -> str | None:
    document = json.loads(text)
    version = SchemaVersion.from_version(document["specVersion"])
    found = JsonStrictValidator(version).validate_str(text)
    if found:
        return f"against the schema of CycloneDX {document['specVersion']}: {str(found)[:2000]}"
    known = list(references(document))
    if len(known) != len(set(known)):
        return f"there twice: {sorted({one for one in known if known.count(one) > 1})}"
    unknown = {one for entry in document["dependencies"] for one in [entry["ref"], *entry["dependsOn"]]} - set(known)
    return f"nothing is called {sorted(unknown)}" if unknown else None


def main() -> None:
    text = Path(sys.argv[1]).read_text()
    found = problem(text)
    if found:
        sys.exit(f"{sys.argv[1]}: {found}")
    document = json.loads(text)
    print(f"{sys.argv[1]}: CycloneDX {document['specVersion']}, {len(document['components'])} components, valid")


if __name__ == "__main__":
    main()
