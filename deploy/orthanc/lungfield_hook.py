#!/usr/bin/env python3
"""Takes each chest film that reaches an Orthanc to Lungfield, and what Lungfield makes of it back into the film's
study.

    python3 lungfield_hook.py --orthanc http://127.0.0.1:8042 --lungfield http://127.0.0.1:8080

Python 3.9 or later, no other package. README.md beside it explains the settings, and what happens when something fails.
Logged are Orthanc's ids and Lungfield's codes, and nothing that stands in a film's header.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import logging
import os
import re
import signal
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from email.message import Message
from pathlib import Path
from typing import Any, Callable

log = logging.getLogger("lungfield-hook")

# Orthanc's simplified tags of an instance.
Tags = Mapping[str, Any]

# CR, DX for presentation, DX for processing. What Lungfield writes (Segmentation, Secondary Capture, SR) is none of
# these, so that the hook is never set off by its own results.
FILMS = {"1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1"}
# Chest and lung as an Anatomic Region is coded: SNOMED CT today, SNOMED CT and SNOMED RT as earlier editions of
# PS3.16 have it.
CHEST_CODES = {"816094009", "51185008", "43799004", "39607008", "T-D3000", "T-28000"}

PREFIX = "LUNGFIELD_HOOK_"
PATIENCE_S = 120
LONGEST_WAIT_S = 60
LONGEST_RETRY_AFTER_S = 600
PAGE = 100
# A 503 for lack of room says nothing of the film; one with these codes may be the film's doing.
SUSPECT = {"out_of_memory", "engine_stopped"}


class Later(Exception):
    """It may succeed at another time. A failure that could be the film's own fault counts; nobody being there does
    not.
    """

    def __init__(self, words: str, counts: bool, after_s: int = 0) -> None:
        super().__init__(words)
        self.counts, self.after_s = counts, after_s


class Refused(Exception):
    """This film won't succeed, ever."""


class Unusable(Exception):
    """No film would succeed: a setting is wrong."""


def failure(name: str, status: int, code: str = "", retry_after: str = "") -> Later | Refused | Unusable:
    """Returns what an HTTP status other than 200 means for the film in hand, as an exception that can be raised."""
    said = f"{name} answered {status} {code}".rstrip()
    after_s = min(int(retry_after), LONGEST_RETRY_AFTER_S) if re.fullmatch(r"\d{1,9}", retry_after) else 0
    if status in (429, 503):
        return Later(said, code in SUSPECT, after_s)
    if status == 408 or status >= 500:
        return Later(said, True, after_s)
    # Orthanc says 400 to a file that it can't store, and 404 where a film was deleted in the meantime.
    if status in (413, 415, 422) or (name == "Orthanc" and status in (400, 404)):
        return Refused(said)
    return Unusable(said)


def why_not(tags: Tags, modalities: Sequence[str], parts: Sequence[str], unnamed_part: str) -> str | None:
    """Returns the attribute for which a film is passed over, or None. Tags are Orthanc's simplified ones."""
    if text(tags, "Modality").upper() not in modalities:
        return "Modality"
    named = set(re.findall(r"[^\W\d_]+", text(tags, "BodyPartExamined").upper()))
    if named:
        return None if named & set(parts) else "BodyPartExamined"
    regions = tags.get("AnatomicRegionSequence") or []
    if regions:
        coded = any(text(region, "CodeValue").upper() in CHEST_CODES for region in regions)
        return None if coded else "AnatomicRegionSequence"
    return None if unnamed_part == "take" else "the lack of a body part"


def text(tags: Tags, name: str) -> str:
    return str(tags.get(name) or "").strip()


class Peer:
    """Orthanc or Lungfield. Its failures are sorted by what the hook does next."""

    def __init__(self, name: str, url: str, authorization: str | None, ca_file: str | None) -> None:
        self.name, self.url = name, url.rstrip("/")
        self.headers = {"Authorization": authorization} if authorization else {}
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file))
        # Films go where they are meant to go, whatever proxy the environment names.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), tls)

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[Message, bytes]:
        """Returns (headers, body) of a 200."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, {**self.headers, **headers})
        try:
            with self.opener.open(request, timeout=PATIENCE_S) as answer:
                return answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise failure(
                    self.name, error.code, problem_code(error), error.headers.get("Retry-After", "")
                ) from None
        except urllib.error.URLError as error:
            # A connection that breaks while the film is sent may be its doing, one that is never made is not.
            broke = isinstance(error.reason, (BrokenPipeError, ConnectionResetError))
            raise Later(f"{self.name} can't be reached: {error.reason}", broke) from None
        except (OSError, http.client.HTTPException) as error:
            raise Later(f"{self.name} gave no whole answer: {type(error).__name__}", True) from None

    def ask_json(self, path: str, body: bytes | None = None, **headers: str) -> Any:
        try:
            return json.loads(self.ask(path, body, **headers)[1].decode(errors="replace"))
        except ValueError:
            raise Later(f"{self.name} answered no JSON", True) from None


def problem_code(error: urllib.error.HTTPError) -> str:
    """Returns Lungfield's stable code, which is a word; of other bodies nothing, since they may say anything."""
    try:
        code = json.loads(error.read(65536)).get("code", "")
        return code if re.fullmatch(r"[a-z_]{1,40}", code) else ""
    except (ValueError, AttributeError, TypeError, OSError, http.client.HTTPException):
        return ""


def read_place(path: Path) -> int | None:
    """Returns how far Orthanc's log of changes is done with; None at the first start."""
    try:
        return int(json.loads(path.read_text())["since"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise Unusable(f"{path} is no file of this hook's; move it away") from None


def write_place(path: Path, since: int) -> None:
    """Writes the file, which is there whole or not at all at any time."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w") as file:
        json.dump({"since": since}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


class Hook:
    def __init__(
        self, settings: argparse.Namespace, orthanc: Any, lungfield: Any, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self.settings, self.orthanc, self.lungfield, self.sleep = settings, orthanc, lungfield, sleep

    def follow(self) -> None:
        """Goes through Orthanc's log of changes from where it was left; with --once to its end, else for ever."""
        state = self.settings.state
        since = read_place(state)
        if since is None:
            since = 0 if self.settings.begin == "start" else self.changes("last")["Last"]
            write_place(state, since)
        while True:
            page = self.changes(f"since={since}&limit={PAGE}")
            if page["Last"] < since:
                log.warning("Orthanc's log of changes has begun anew, and so does the hook")
                since = 0
                continue
            for change in page["Changes"]:
                if change["ChangeType"] == "NewInstance" and self.handle(change["ID"]):
                    write_place(state, change["Seq"])
            if page["Last"] != since:
                since = page["Last"]
                write_place(state, since)
            if page["Done"] and self.settings.once:
                return
            if page["Done"]:
                self.sleep(self.settings.interval)

    def changes(self, query: str) -> Any:
        return self.persist("the log of changes", lambda: self.orthanc.ask_json(f"/changes?{query}"))

    def handle(self, instance: str) -> bool:
        """Deals with an instance, whatever it is, and says whether it was taken to Lungfield."""
        try:
            reason = self.persist(instance, lambda: self.why_not(instance))
            if reason:
                log.debug("%s is passed over for %s", instance, reason)
                return False
            film = self.persist(instance, lambda: self.orthanc.ask(f"/instances/{instance}/file")[1])
        except Refused as refused:
            log.warning("%s is given up: %s", instance, refused)
            return False
        for kind in self.settings.formats:
            try:
                self.make(instance, film, kind)
            except Refused as refused:
                log.warning("%s is given up for %s: %s", instance, kind, refused)
        return True

    def why_not(self, instance: str) -> str | None:
        # Known without a look into the file, which a CT's thousand slices would not be worth.
        if self.orthanc.ask(f"/instances/{instance}/metadata/SopClassUid")[1].decode(errors="replace") not in FILMS:
            return "its SOP class"
        tags = self.orthanc.ask_json(f"/instances/{instance}/simplified-tags")
        return why_not(tags, self.settings.modalities, self.settings.body_parts, self.settings.unnamed_part)

    def make(self, instance: str, film: bytes, kind: str) -> None:
        headers, made = self.persist(instance, lambda: self.segment(instance, film, kind))
        warnings = set(re.findall(r"[a-z_]+", headers.get("Lungfield-Warnings", "")))
        said = f" (warnings: {', '.join(sorted(warnings))})" if warnings else ""
        if warnings & set(self.settings.withhold):
            log.info("%s: the %s is withheld%s", instance, kind, said)
            return
        stored = self.persist(
            instance, lambda: self.orthanc.ask_json("/instances", made, Content_Type="application/dicom")
        )
        log.info("%s: its %s is %s%s: %s", instance, kind, stored.get("ID"), said, stored.get("Status"))

    def segment(self, instance: str, film: bytes, kind: str) -> tuple[Message, bytes]:
        # The same film gives the same UIDs: what is done twice is there once.
        path = f"/v1/segment?format={kind}&uids=derived"
        headers, made = self.lungfield.ask(path, film, Content_Type="application/dicom", X_Request_Id=instance)
        if headers.get_content_type() != "application/dicom":
            raise Unusable("Lungfield answered no DICOM")
        return headers, made

    def persist(self, what: str, ask: Callable[[], Any]) -> Any:
        """Returns what `ask` returns in the end. Waits as long as nobody is there; what fails otherwise is tried
        --tries times.
        """
        failures = waits = 0
        while True:
            try:
                return ask()
            except Later as later:
                failures += later.counts
                if failures >= self.settings.tries:
                    raise Refused(f"{later}, the last of {failures} failures") from None
                wait = max(later.after_s, min(2**waits, LONGEST_WAIT_S))
                waits = min(waits + 1, 10)
                log.warning("%s has to wait %d s: %s", what, wait, later)
                self.sleep(wait)


def words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


def upper(value: str) -> list[str]:
    return words(value.upper())


def read_settings(arguments: list[str], environment: Mapping[str, str]) -> argparse.Namespace:
    variables = f"What takes a value is a variable too, as in {PREFIX}ORTHANC; a flag goes before it."
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], epilog=variables, allow_abbrev=False)
    add = parser.add_argument
    add("--orthanc", metavar="URL", default="http://127.0.0.1:8042", help="Orthanc's REST API [%(default)s]")
    add("--orthanc-user-file", metavar="FILE", type=Path, help="NAME:PASSWORD, where Orthanc asks for one")
    add("--lungfield", metavar="URL", default="http://127.0.0.1:8080", help="lungfield-serve [%(default)s]")
    add("--api-key-file", metavar="FILE", type=Path, help="the key, where Lungfield asks for one")
    add("--ca-file", metavar="FILE", help="certificates in PEM to trust instead of the system's")
    add(
        "--formats",
        type=words,
        default="dicom-seg",
        help="what is made of a film: dicom-seg, dicom-sc, dicom-sr [%(default)s]",
    )
    add("--modalities", type=upper, default="CR,DX", help="the modalities that are taken [%(default)s]")
    add(
        "--body-parts",
        type=upper,
        default="CHEST,THORAX,LUNG",
        help="a word of BodyPartExamined has to be among these [%(default)s]",
    )
    add(
        "--unnamed-part",
        choices=["take", "pass"],
        default="take",
        help="what to do with a film that names no part [%(default)s]",
    )
    add(
        "--withhold",
        type=words,
        default="lateral_view,for_processing",
        help="warnings that keep a result out of Orthanc [%(default)s]",
    )
    add(
        "--state",
        metavar="FILE",
        type=Path,
        default="lungfield-hook.json",
        help="the place in Orthanc's log of changes [%(default)s]",
    )
    add(
        "--begin",
        choices=["now", "start"],
        default="now",
        help="where to begin without that file: at what comes now, or at the start",
    )
    add(
        "--interval",
        metavar="SECONDS",
        type=float,
        default=2,
        help="from one look at the log of changes to the next [%(default)s]",
    )
    add("--tries", type=int, default=10, help="for a film that fails though both servers are there [%(default)s]")
    add("--once", action="store_true", help="end where the log of changes ends")
    add("--verbose", action="store_true", help="log what is passed over, too")
    # A variable is a flag that is read first, so that it is checked as one, and that a flag goes before it.
    given = [(name[len(PREFIX) :], value) for name, value in sorted(environment.items()) if name.startswith(PREFIX)]
    return parser.parse_args([f"--{name.lower().replace('_', '-')}={value}" for name, value in given] + arguments)


def connect(settings: argparse.Namespace) -> tuple[Peer, Peer]:
    key = settings.api_key_file and settings.api_key_file.read_text().strip()
    user = settings.orthanc_user_file and settings.orthanc_user_file.read_text().strip()
    basic = user and "Basic " + base64.b64encode(user.encode()).decode()
    orthanc = Peer("Orthanc", settings.orthanc, basic, settings.ca_file)
    return orthanc, Peer("Lungfield", settings.lungfield, key and f"Bearer {key}", settings.ca_file)


def main() -> int:
    settings = read_settings(sys.argv[1:], os.environ)
    logging.basicConfig(level="DEBUG" if settings.verbose else "INFO", format="%(asctime)s %(levelname)s %(message)s")
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: sys.exit(0))
    try:
        Hook(settings, *connect(settings)).follow()
    except (Unusable, Refused, OSError) as error:
        log.error("the hook ends, and keeps its place: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
