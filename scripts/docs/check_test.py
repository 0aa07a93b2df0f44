"""Tests that the check of the pages finds what it should find.

    .venv/bin/python -m scripts.docs.check_test

The programs are shell scripts here, so that nothing has to be built.
"""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from scripts.docs import names
from scripts.docs.check import check_names, find_pages, run_pages, summary
from scripts.docs.facts import PROGRAMS, Repository, Setting, parse_help
from scripts.docs.pages import anchor, mark_problems, parse
from scripts.docs.sandbox import Kit, imported_modules

HELP = """Usage: lungfield-serve [OPTIONS]

Options:
      --listen <LISTEN>
          The address to listen on [env: LUNGFIELD_LISTEN=] [default: 127.0.0.1:8080]
      --queue <QUEUE>  Films that wait, unlike with --nothing
          [env: LUNGFIELD_QUEUE=]
"""
SERVE = """#!/bin/sh
case "$*" in *--help*) cat "$(dirname "$0")/help"; exit;; esac
exec python3 -m http.server "${LUNGFIELD_LISTEN##*:}" --bind 127.0.0.1
"""
OPENAPI = "    WarningCode:\n      type: string\n      enum:\n        [no_lung,\n         one_lung]\n"
CONFIGURATION = """
| flag | variable | default | meaning |
|---|---|---|---|
| `--listen` | `LUNGFIELD_LISTEN` | `127.0.0.1:8080` | the address |
| `--queue` | `LUNGFIELD_QUEUE` | none | films that wait |
"""
FILES = {
    "Makefile": "VERSION := 1\n.PHONY: serve\nserve: build ## Serve\n\ttrue\n\ntest-all:\n",
    "README.md": "# Title\n\n[Pages](docs/SUMMARY.md)\n",
    "docs/SUMMARY.md": "# Summary\n\n- [C](configuration.md)\n- [W](warnings.md)\n",
    "docs/configuration.md": CONFIGURATION,
    "docs/warnings.md": "| code | meaning |\n|---|---|\n| `no_lung` | x |\n| `one_lung` | x |\n",
    "openapi.yaml": OPENAPI,
    "tests/it/load.rs": "#[test]\nfn a_full_queue_refuses_at_once() {}\n",
    "scripts/tool.py": 'add("--minutes")\n',
}


def fence(text: str, *marks: str, language: str = "sh") -> str:
    """Returns a code block with marks before it."""
    comments = "".join(f"<!-- {mark} -->\n" for mark in marks)
    return f"{comments}```{language}\n{text}\n```\n"


class Case(unittest.TestCase):
    """A small repository in a temporary folder, without any problem."""

    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name) / "repository"
        for path, text in FILES.items():
            self.write(path, text)
        programs = Path(holder.name) / "programs"
        programs.mkdir()
        (programs / "help").write_text(HELP, encoding="utf-8")
        for name in PROGRAMS:
            (programs / name).write_text(SERVE, encoding="utf-8")
            (programs / name).chmod(0o755)
        self.repository = Repository(self.root, programs)
        films = Path(holder.name) / "films"
        films.mkdir()
        (films / "phantom-1.png").write_bytes(b"film")
        self.kit = Kit(self.root, programs, films, (), limit_s=20)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def names(self, text: str, path: str = "docs/warnings.md") -> str:
        """Adds text to a page, and returns the problems of all pages."""
        self.write(path, FILES.get(path, "") + "\n" + text)
        return "\n".join(map(str, check_names(find_pages(self.root), self.repository)))

    def ran(self, text: str, **changes: Any) -> str:
        """Runs the blocks of a page, and returns its problems."""
        kit = Kit(**{**self.kit.__dict__, **changes})
        return "\n".join(map(str, run_pages([parse("page.md", text)], kit)))


class Names(Case):
    def test_a_page_without_mistakes_has_no_problem(self) -> None:
        good = "`make serve`, `--queue 4`, `--minutes`, `LUNGFIELD_QUEUE`, `tests/it/load.rs`, [x](#here)\n\n# Here\n"
        block = fence("X=1 make serve test-all # make nothing\nlungfield-serve --listen=1 --queue 3 | cat --n")
        self.assertEqual(self.names(good + block), "")

    def test_a_missing_target_is_found(self) -> None:
        block = fence("make -C x serve lint", "not run: takes over a minute")
        self.assertIn("docs/warnings.md:8: the Makefile has no target `lint`", self.names(block))
        self.assertIn("no target `gone`", self.names("Run `make gone`."))

    def test_a_false_flag_is_found(self) -> None:
        for block in (
            fence("lungfield-serve --listen x \\\n  --wait 3", "not run: cuda"),
            "`target/release/lungfield-segment --wait`",
            "Set `--wait 3`.",
        ):
            self.assertRegex(self.names(block), "flag `--wait`")

    def test_a_mention_of_another_flag_in_a_help_text_is_no_flag(self) -> None:
        self.assertIn("flag `--nothing`", self.names("`lungfield-serve --nothing`"))

    def test_a_false_variable_is_found(self) -> None:
        self.assertIn("variable `LUNGFIELD_WAIT`", self.names(fence("LUNGFIELD_WAIT=1 true")))

    def test_a_missing_file_is_found(self) -> None:
        self.assertIn("no `scripts/gone.py`", self.names(fence("python3 scripts/gone.py", "not run: root")))
        self.assertIn("no `tests/gone/*.rs`", self.names("In `tests/gone/*.rs`."))

    def test_a_missing_test_is_found(self) -> None:
        page = "docs/reliability.md"
        summary = FILES["docs/SUMMARY.md"] + "- [R](reliability.md)\n"
        self.write("docs/SUMMARY.md", summary)
        self.assertEqual(self.names("`a_full_queue…`, `load::a_full_queue_refuses_at_once`", page), "")
        self.assertIn("`an_empty_queue…`", self.names("`an_empty_queue…`", page))
        self.assertIn("`a_full_queue_refuses_at_times`", self.names("`a_full_queue_refuses_at_times`", page))

    def test_a_link_that_leads_nowhere_is_found(self) -> None:
        self.assertIn("`docs/gone.md` leads nowhere", self.names("[x](gone.md)"))
        self.assertIn("no heading `#gone`", self.names("[x](../README.md#gone)"))

    def test_a_page_that_the_index_does_not_list_is_found(self) -> None:
        self.assertIn("`docs/new.md` is not listed", self.names("# New", "docs/new.md"))

    def test_a_long_readme_is_found(self) -> None:
        self.assertIn("150 are allowed", self.names("x\n" * 150, "README.md"))

    def test_settings_that_differ_from_the_program_are_found(self) -> None:
        for before, after, problem in (
            ("| `--queue` |", "| `--line` |", "`--queue` is missing"),
            ("| `--queue` |", "| `--line` |", "no flag `--line`"),
            ("`LUNGFIELD_QUEUE`", "`LUNGFIELD_LISTEN`", "the variable of `--queue`"),
            ("`127.0.0.1:8080`", "`0.0.0.0:8080`", "the default of `--listen`"),
            ("| none |", "| `3` |", "the default of `--queue`"),
        ):
            page = parse("docs/configuration.md", CONFIGURATION.replace(before, after))
            found = names.settings_problems(page, self.repository)
            self.assertIn(problem, "\n".join(map(str, found)))

    def test_warnings_that_differ_from_the_api_are_found(self) -> None:
        page = parse("docs/warnings.md", "| `no_lung` | x |\n| `two_lungs` | x |\n")
        found = [each.text for each in names.warnings_problems(page, self.repository)]
        self.assertEqual(found, ["`one_lung` is missing in the table", "openapi.yaml has no code `two_lungs`"])


class Pages(unittest.TestCase):
    def problems(self, text: str) -> str:
        return "\n".join(map(str, mark_problems(parse("page.md", text))))

    def test_an_unknown_reason_is_found(self) -> None:
        self.assertIn("page.md:3: unknown reason `later`", self.problems(fence("true", "not run: later")))
        self.assertIn("unknown reason ``", self.problems(fence("true", "not run")))

    def test_an_unknown_mark_is_found(self) -> None:
        self.assertIn("unknown mark `skip`", self.problems(fence("true", "skip: docker")))

    def test_a_mark_before_another_language_is_found(self) -> None:
        self.assertIn("of the language `json`", self.problems(fence("{}", "server", language="json")))

    def test_a_mark_belongs_to_the_next_block_only(self) -> None:
        page = parse("page.md", fence("a", "server", "not run: cuda") + "\nText.\n" + fence("b"))
        self.assertEqual([block.marks for block in page.blocks], [{"server": "", "not run": "cuda"}, {}])
        page = parse("page.md", "<!-- server -->\nText.\n" + fence("a"))
        self.assertEqual(page.blocks[0].marks, {})

    def test_a_block_in_a_list_loses_its_indentation(self) -> None:
        page = parse("page.md", "- item\n\n  ```sh\n  cat <<X\n    a\n  X\n  ```\n\nend `code`\n")
        self.assertEqual((page.blocks[0].text, page.blocks[0].line), ("cat <<X\n  a\nX", 4))
        self.assertEqual([(span.line, span.text) for span in page.inline_code()], [(9, "code")])

    def test_anchors_are_those_of_github(self) -> None:
        self.assertEqual(anchor("4. What `x` does, and why"), "4-what-x-does-and-why")

    def test_a_help_text_of_clap_is_read(self) -> None:
        listen, queue = parse_help(HELP)
        self.assertEqual(listen, Setting("--listen", "LUNGFIELD_LISTEN", "127.0.0.1:8080"))
        self.assertEqual(queue, Setting("--queue", "LUNGFIELD_QUEUE", None))

    def test_run_and_not_run_are_counted_by_reason(self) -> None:
        text = fence("a") + fence("b", "not run: cuda") + fence("c", "not run: cuda") + fence("d", language="json")
        self.assertEqual(summary({"page.md": parse("page.md", text)}), "3 blocks: 1 run, 2 not run (cuda 2)")

    def test_modules_of_the_standard_library_need_no_installation(self) -> None:
        self.assertEqual(imported_modules("import sys, os.path\nimport a.b as c\nfrom d import e"), ["a.b", "d"])


class Running(Case):
    def test_a_failing_block_is_found_with_its_line_and_output(self) -> None:
        found = self.ran(fence("true") + "\n" + fence("echo why; false | cat; echo never"))
        self.assertRegex(found, r"^page\.md:6: it ends with code 1\n    why$")

    def test_an_unset_variable_fails(self) -> None:
        self.assertIn("unset_one", self.ran(fence("echo $unset_one")))

    def test_variables_and_functions_last_until_the_end_of_the_page(self) -> None:
        text = fence("key='a b'; say() { echo \"$1\"; }") + fence('[ "$(say "$key")" = "a b" ]')
        self.assertEqual(self.ran(text), "")

    def test_a_page_has_its_films_and_the_repository(self) -> None:
        block = fence("test -s phantom-1.png\ngrep -q serve Makefile\ntarget/release/lungfield-serve --help")
        self.assertEqual(self.ran(block), "")

    def test_a_block_that_takes_too_long_is_found(self) -> None:
        self.assertIn("longer than 0.2 s", self.ran(fence("sleep 30 & sleep 30"), limit_s=0.2))

    def test_a_block_that_is_marked_is_not_run(self) -> None:
        self.assertEqual(self.ran(fence("false", "not run: root")), "")

    def test_the_server_runs_for_a_block_that_asks_it(self) -> None:
        block = fence("curl http://127.0.0.1:8080/Makefile -o copy\ncmp copy Makefile")
        self.assertEqual(self.ran(block), "")

    def test_an_error_status_fails(self) -> None:
        block = "curl http://127.0.0.1:8080/gone"
        self.assertIn("it ends with code 22", self.ran(fence(block)))
        self.assertEqual(self.ran(fence(block, "fails: 404")), "")
        self.assertIn("it should fail and print `500`", self.ran(fence(block, "fails: 500")))

    def test_a_server_of_a_page_replaces_the_one_before(self) -> None:
        text = fence("lungfield-serve", "server") + fence("FLAG=x lungfield-serve --queue 1", "server")
        self.assertEqual(self.ran(text + fence("curl http://127.0.0.1:8080/")), "")

    def test_another_server_can_listen_beside_it(self) -> None:
        other = fence("python3 -m http.server 8081 --bind 127.0.0.1", "server: 8081")
        self.assertEqual(self.ran(other + fence("curl http://127.0.0.1:8081/ http://127.0.0.1:8080/")), "")

    def test_a_server_that_ends_is_found(self) -> None:
        self.assertIn("the server ended\n    sorry", self.ran(fence("echo sorry; exit 3", "server")))

    def test_python3_of_a_block_has_the_modules_that_its_mark_names(self) -> None:
        block = "command -v python3 | grep /.python-json/python3\npython3 -c 'import json'"
        text = fence(block, "with: json")
        self.assertEqual(self.ran(text, pythons=(Path(sys.executable),)), "")
        self.assertIn("no interpreter has the modules gone", self.ran(fence("true", "with: gone")))

    def test_a_missing_module_is_found(self) -> None:
        self.assertIn("no interpreter has the modules gone", self.ran(fence("import gone", language="python")))


if __name__ == "__main__":
    unittest.main()
