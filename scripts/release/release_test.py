"""Tests of what a release is checked by: versions that differ, bytes of an archive, symbols that are too new,
licences without a text, libraries that are missing.

    python3 -m scripts.release.release_test
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tarfile
import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from scripts.common import repository
from scripts.libtorch import elf, library_check
from scripts.release import archive, crates, facts, licences, programs, sbom, version_check

CRATE = crates.Crate("thing", "1.0.0", "MIT", "ab", Path("."), "", "", [])


class Versions(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def of(self, name: str, text: str) -> list[str]:
        self.write(name, text)
        places = [place for place in version_check.PLACES if self.root / name in self.root.glob(place.files)]
        return [problem for place in places for problem in version_check.disagreements(self.root, place, "1.2.0")]

    def test_every_wrong_version_is_told_with_its_file_and_line(self) -> None:
        self.assertEqual(self.of("openapi.yaml", "info:\n  version: 1.1.0\n"), ["openapi.yaml:2: it says 1.1.0"])
        found = self.of("deploy/kubernetes/base/a.yaml", "app.kubernetes.io/version: 1.0.0\nnewTag: 1.1.0\n")
        self.assertEqual([line.split("a.yaml:")[1] for line in found], ["2: it says 1.1.0", "1: it says 1.0.0"])

    def test_a_tag_for_cuda_is_the_same_version(self) -> None:
        image = "deploy/kserve/service.yaml"
        for tag in ("1.2.0", "1.2.0-cuda"):
            self.assertEqual(self.of(image, f"        image: lungfield:{tag}\n"), [])
        self.assertEqual(len(self.of(image, "        image: registry.example/lungfield:1.2.1-cuda\n")), 1)
        kustomization = "images:\n  - { name: lungfield, newTag: 1.2.1-cuda }\napp.kubernetes.io/version: 1.2.0\n"
        self.assertEqual(len(self.of("deploy/kubernetes/cuda/kustomization.yaml", kustomization)), 1)

    def test_a_file_that_is_gone_or_silent_is_a_problem(self) -> None:
        (dockerfile,) = [place for place in version_check.PLACES if place.files == "docker/Dockerfile"]
        self.assertIn("no such file", version_check.disagreements(self.root, dockerfile, "1.2.0")[0])
        self.assertIn("nothing there", self.of("docker/Dockerfile", "FROM scratch\n")[0])

    def test_a_lock_is_asked_for_our_own_entry(self) -> None:
        for name in ("lungfield", "lungfield-codec"):
            lock = f'[[package]]\nname = "log"\nversion = "0.4.0"\n\n[[package]]\nname = "{name}"\nversion = "{{}}"\n'
            self.assertEqual(self.of("Cargo.lock", lock.format("1.2.0")), [])
            self.assertEqual(self.of("Cargo.lock", lock.format("0.1.0")), ["Cargo.lock:7: it says 0.1.0"])
        fuzz = '[[package]]\nname = "lungfield"\nversion = "1.2.0"\n\n'
        fuzz += '[[package]]\nname = "lungfield-fuzz"\nversion = "0.0.0"\n'
        self.assertEqual(self.of("fuzz/Cargo.lock", fuzz), [])

    def test_the_version_is_that_of_the_package_or_of_the_workspace(self) -> None:
        dependency = '[dependencies]\nlog = { version = "0.4" }\n'
        member = '[package]\nname = "lungfield"\nversion.workspace = true\n'
        for text in (
            f'[package]\nname = "lungfield"\nversion = "1.2.3"\n{dependency}',
            f'[workspace.package]\nversion = "1.2.3"\n\n{member}{dependency}',
            f'{member}\n[workspace.package]\nedition = "2024"\nversion = "1.2.3"\n{dependency}',
        ):
            self.write("Cargo.toml", text)
            self.assertEqual(repository.version(self.root), "1.2.3")
        self.write("Cargo.toml", dependency)
        self.assertRaises(SystemExit, repository.version, self.root)

    def test_members_of_the_workspace_state_the_same_version(self) -> None:
        line = 'lungfield-codec = { path = "crates/codec", version = "{}" }\n'
        self.assertEqual(self.of("Cargo.toml", line.replace("{}", "1.2.0")), [])
        self.assertEqual(self.of("Cargo.toml", line.replace("{}", "=1.1.0")), ["Cargo.toml:1: it says 1.1.0"])

    def test_the_image_names_the_weights_of_the_model(self) -> None:
        self.write("models/lungfield-segnet/manifest.json", '{"weights_sha256": "ab12"}')
        for line, count in (("ARG WEIGHTS_SHA256=ab12", 0), ("ARG WEIGHTS_SHA256=ab1", 1), ("ARG WEIGHTS_SHA256", 1)):
            self.write("docker/Dockerfile", f"ARG VERSION=1.2.0\n{line}\n")
            self.assertEqual(len(version_check.weights_problems(self.root)), count, line)

    def test_a_release_wants_a_dated_heading(self) -> None:
        for heading, plain, release in [
            ("[Unreleased]", 0, 1),
            ("[1.2.0] - 2026-01-31", 0, 0),
            ("[1.2.0]", 1, 1),
            ("[1.1.0] - 2026-01-31", 1, 1),
        ]:
            self.write("CHANGELOG.md", f"# Changelog\n\n## {heading}\n\n## [1.0.0] - 2025-01-01\n")
            found = [len(version_check.changelog_problems(self.root, "1.2.0", kind)) for kind in (False, True)]
            self.assertEqual(found, [plain, release], heading)


class Archive(unittest.TestCase):
    ENTRIES: ClassVar[dict[str, archive.Entry]] = {"b/two": archive.Entry(0o644, b"2"), "a": archive.Entry(0o755, b"1")}

    def tar(self, entries: Mapping[str, archive.Entry]) -> bytes:
        sink = io.BytesIO()
        archive.write_tar(entries, "top", 1_000_000, sink)
        return sink.getvalue()

    def test_neither_order_nor_file_decides_the_bytes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "file")
            file.write_bytes(b"2")
            os.chmod(file, 0o600)
            turned = {"a": self.ENTRIES["a"], "b/two": archive.Entry(0o644, file)}
            self.assertEqual(self.tar(self.ENTRIES), self.tar(turned))

    def test_files_are_roots_and_of_the_commits_time(self) -> None:
        files = tarfile.open(fileobj=io.BytesIO(self.tar(self.ENTRIES))).getmembers()
        self.assertEqual([file.name for file in files], ["top/a", "top/b/two"])
        told = {(file.uid, file.gid, file.uname, file.gname, file.mtime) for file in files}
        self.assertEqual(told, {(0, 0, "", "", 1_000_000)})
        self.assertEqual([file.mode for file in files], [0o755, 0o644])

    def test_sums_are_as_sha256sum_reads_them(self) -> None:
        self.assertEqual(archive.sums({"a": self.ENTRIES["a"]}), archive.digest(io.BytesIO(b"1")) + "  a\n")


class Programs(unittest.TestCase):
    def test_symbols_newer_than_debian_12_are_told(self) -> None:
        self.assertEqual(
            programs.too_new(["GLIBC_2.36", "GLIBC_2.2.5", "GLIBCXX_3.4.30", "GCC_3.0", "GOMP_4.0", "libcudart.so.13"]),
            [],
        )
        newer = ["CXXABI_1.3.14", "GCC_13.0.0", "GLIBCXX_3.4.31", "GLIBC_2.38"]
        self.assertEqual(programs.too_new(newer), sorted(newer))

    def test_a_program_of_this_machine_is_read(self) -> None:
        found = elf.read(Path(sys.executable))
        self.assertIn("libc.so.6", found.needed)
        self.assertIn("GLIBC_2.2.5", found.versions["libc.so.6"])
        self.assertRaises(elf.NotElf, elf.read, Path(__file__))

    def test_a_folder_of_this_machine_is_told(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "program")
            program.write_bytes(b"\0/home/somebody/src/lib.rs\0")
            programs.check_folders(program, ["/home/else/"])
            self.assertRaises(programs.Unfit, programs.check_folders, program, ["/home/somebody/"])


class Parts(unittest.TestCase):
    def test_checksums_are_those_of_the_lock(self) -> None:
        lock = '[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "registry"\nchecksum = "ff"\n\n'
        lock += '[[package]]\nname = "b"\nversion = "2.0.0"\n'
        self.assertEqual(crates.checksums(lock), {("a", "1.0.0"): "ff", ("b", "2.0.0"): ""})

    def test_old_licences_become_expressions(self) -> None:
        self.assertEqual(crates.spdx({"name": "a", "license": "MIT/Apache-2.0"}), "MIT OR Apache-2.0")
        self.assertEqual(crates.spdx({"name": "a", "license": None}), "LicenseRef-a")

    def test_the_number_is_made_from_the_contents(self) -> None:
        one, same, other = sbom.numbered({"a": 1, "b": 2}), sbom.numbered({"b": 2, "a": 1}), sbom.numbered({"a": 2})
        self.assertEqual(one["serialNumber"], same["serialNumber"])
        self.assertNotEqual(one["serialNumber"], other["serialNumber"])

    def test_a_plus_in_a_version_is_written_as_purl_wants_it(self) -> None:
        self.assertEqual(sbom.crate_purl(("a", "1.0.0+b")), "pkg:cargo/a@1.0.0%2Bb")

    def test_members_of_the_workspace_are_the_program_itself(self) -> None:
        other = CRATE._replace(name="other", ours=True, needs=[("thing", "1.0.0")])
        own = CRATE._replace(name="lungfield", ours=True, needs=[("other", "1.0.0"), ("log", "0.4.0")])
        self.assertEqual(sbom.needs_of_ours([own, other]), ["pkg:cargo/log@0.4.0", "pkg:cargo/thing@1.0.0"])

    def test_a_licence_without_a_text_is_refused_unless_the_text_is_here(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            bare = CRATE._replace(folder=Path(folder))
            self.assertRaises(SystemExit, licences.without_text, [bare])
            self.assertEqual(
                licences.without_text([bare._replace(licence="MIT OR Apache-2.0")]), ["thing 1.0.0: MIT OR Apache-2.0"]
            )

    def test_a_text_that_several_came_with_is_there_once(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "LICENSE").write_text("Do as you please.\r\n")
            owned = CRATE._replace(folder=Path(folder))
            (section,) = licences.sections([owned, owned._replace(name="other")])
            self.assertIn("thing 1.0.0, other 1.0.0", section)


class Libraries(unittest.TestCase):
    """Of a program that names a library which is not there."""

    def missing(self, library: str, path: str | None = None) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "program")
            program.write_bytes(Path("/bin/true").read_bytes() + f"\0{library}\0".encode())
            return list(
                library_check.missing(program, library_check.Places(Path(folder, path) if path else None, None))
            )

    def test_a_library_that_may_be_opened_must_be_there(self) -> None:
        self.assertEqual(len(self.missing("libnowhere.so.1")), 1)
        self.assertEqual(self.missing("libc.so.6"), [])

    def test_that_for_cuda_must_be_there_where_a_path_leads_to_it(self) -> None:
        self.assertEqual(self.missing("libtorch_cuda.so"), [])
        self.assertEqual(len(self.missing("libtorch_cuda.so", "lib")), 1)


class Facts(unittest.TestCase):
    def test_the_time_can_be_said(self) -> None:
        os.environ["SOURCE_DATE_EPOCH"] = "86400"
        self.addCleanup(os.environ.pop, "SOURCE_DATE_EPOCH")
        self.assertEqual(facts.epoch(), 86400)


if __name__ == "__main__":
    unittest.main()
