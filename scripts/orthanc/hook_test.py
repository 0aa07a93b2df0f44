"""Tests deploy/orthanc/lungfield_hook.py against an Orthanc and a Lungfield that are made up here.

    python3 -m scripts.orthanc.hook_test

Needs Python 3.9 or later, and nothing else. It starts no server of ours and does not wait. scripts/orthanc/check.py
tests the same hook with the real ones.
"""

from __future__ import annotations

import unittest
import unittest.mock
from pathlib import Path
from typing import Any

from deploy.orthanc import lungfield_hook as hook
from scripts.orthanc.fakes import CHEST, CT, DX, HookTest, Killed, Lungfield, Orthanc, later


class WhatItTakes(unittest.TestCase):
    def reason(self, unnamed_part: str = "take", **tags: Any) -> str | None:
        return hook.why_not(tags, ["CR", "DX"], ["CHEST", "THORAX", "LUNG"], unnamed_part)

    def test_a_chest_film_is_taken_however_its_part_is_written(self) -> None:
        for part in ("CHEST", "Chest ", "PORT CHEST", "CHEST_AP", "thorax", "Lung"):
            self.assertIsNone(self.reason(Modality="DX", BodyPartExamined=part), part)

    def test_other_parts_are_passed_over(self) -> None:
        for part in ("HAND", "CHESTABDPELVIS", "ABDOMEN", "胸部"):
            self.assertEqual(self.reason(Modality="CR", BodyPartExamined=part), "BodyPartExamined", part)

    def test_other_modalities_are_passed_over(self) -> None:
        for modality in ("CT", "SEG", "OT", "SR", "", "MG"):
            self.assertEqual(self.reason(Modality=modality, BodyPartExamined="CHEST"), "Modality", modality)

    def test_a_code_for_the_region_does_where_no_part_is_named(self) -> None:
        for code, reason in (("816094009", None), ("T-D3000", None), ("85562004", "AnatomicRegionSequence")):
            self.assertEqual(self.reason(Modality="DX", AnatomicRegionSequence=[{"CodeValue": code}]), reason, code)

    def test_a_film_that_names_no_part_goes_by_the_setting(self) -> None:
        cases: list[dict[str, Any]] = [{}, {"BodyPartExamined": ""}]
        for tags in [*cases, {"BodyPartExamined": None, "AnatomicRegionSequence": []}]:
            self.assertIsNone(self.reason(Modality="CR", **tags))
            self.assertEqual(self.reason("pass", Modality="CR", **tags), "the lack of a body part")


class WhatAStatusMeans(unittest.TestCase):
    def test_statuses_are_sorted_by_what_comes_next(self) -> None:
        film, settings, later = hook.Refused, hook.Unusable, hook.Later
        table = {
            "Lungfield": {
                400: settings,
                401: settings,
                403: settings,
                404: settings,
                405: settings,
                408: later,
                413: film,
            },
            "Orthanc": {
                400: film,
                401: settings,
                403: settings,
                404: film,
                413: film,
                500: later,
                503: later,
                507: later,
            },
        }
        table["Lungfield"].update({415: film, 422: film, 429: later, 500: later, 502: later, 503: later, 504: later})
        for name, statuses in table.items():
            for status, meaning in statuses.items():
                self.assertIs(type(hook.failure(name, status)), meaning, f"{name} {status}")

    def test_only_what_may_be_the_films_own_fault_counts(self) -> None:
        for status, code, counts in ((503, "overloaded", False), (503, "draining", False), (429, "", False)):
            self.assertEqual(later(status, code).counts, counts)
        for status, code in (
            (500, "internal"),
            (504, "deadline_exceeded"),
            (503, "engine_stopped"),
            (503, "out_of_memory"),
        ):
            self.assertTrue(later(status, code).counts)

    def test_retry_after_is_heeded_within_reason(self) -> None:
        for said, after_s in (("7", 7), ("", 0), ("999999", 600), ("Wed, 25 Nov 2026 14:00:00 GMT", 0), ("-1", 0)):
            self.assertEqual(later(503, "overloaded", said).after_s, after_s)


class WhatItDoes(HookTest):
    def test_a_films_result_lies_beside_it(self) -> None:
        self.orthanc.store("film")
        self.run_once()
        self.assertEqual(self.results(), ["dicom-seg of film"])
        self.assertEqual(self.lungfield.asked, [("/v1/segment?format=dicom-seg&uids=derived", "film", "film")])

    def test_every_format_is_made_in_turn(self) -> None:
        self.orthanc.store("film")
        self.run_once("--formats", "dicom-sr, dicom-seg")
        self.assertEqual(self.results(), ["dicom-seg of film", "dicom-sr of film"])

    def test_it_is_not_set_off_by_its_own_results_nor_by_other_objects(self) -> None:
        self.orthanc.store("ct", CT)
        self.orthanc.store("picture of a film", "1.2.840.10008.5.1.4.1.1.7")
        self.orthanc.store("film")
        self.run_once()
        self.run_once()
        self.assertEqual([film for _, film, _ in self.lungfield.asked], ["film"])

    def test_what_comes_while_it_works_is_not_missed(self) -> None:
        for number in range(3 * hook.PAGE):
            self.orthanc.store(f"film {number}", CT if number % 7 else DX)
        self.run_once()
        self.assertEqual(len(self.results()), len(range(0, 3 * hook.PAGE, 7)))

    def test_without_a_place_it_begins_with_what_comes_from_now_on(self) -> None:
        self.orthanc.store("old")
        self.run_once("--begin", "now")
        self.orthanc.store("new")
        self.run_once("--begin", "now")
        self.assertEqual(self.results(), ["dicom-seg of new"])

    def test_a_second_run_goes_on_where_the_first_ended(self) -> None:
        self.orthanc.store("first")
        self.run_once()
        self.orthanc.store("second")
        self.run_once()
        self.assertEqual([film for _, film, _ in self.lungfield.asked], ["first", "second"])

    def test_without_its_place_it_does_all_again_and_nothing_is_there_twice(self) -> None:
        self.orthanc.store("film")
        self.run_once()
        count = len(self.orthanc.log)
        self.state.unlink()
        self.run_once()
        self.assertEqual((len(self.lungfield.asked), len(self.orthanc.log)), (2, count))

    def test_a_new_database_behind_the_same_address_is_begun_from_its_start(self) -> None:
        hook.write_place(self.state, 5000)
        self.orthanc.store("film")
        self.run_once()
        self.assertEqual(self.results(), ["dicom-seg of film"])

    def test_a_warning_that_says_so_keeps_a_result_out(self) -> None:
        self.orthanc.store("film")
        self.lungfield = Lungfield("low_confidence, lateral_view")
        self.run_once()
        self.assertEqual(self.results(), [])
        self.state.unlink()
        self.run_once("--withhold", "")
        self.assertEqual(self.results(), ["dicom-seg of film"])

    def test_nothing_of_a_header_is_logged(self) -> None:
        self.orthanc.store("film", tags={**CHEST, "BodyPartExamined": "SECRET HAND"})
        self.orthanc.store("other", tags=CHEST)
        self.run_once()
        self.assertTrue(self.heard.lines)
        self.assertNotIn("secret", " ".join(self.heard.lines).lower())


class WhatItSurvives(HookTest):
    def test_a_server_that_is_away_is_waited_for_however_long(self) -> None:
        self.orthanc.store("film")
        self.lungfield.failures = [hook.Later("nobody is there", False)] * 40
        self.run_once("--tries", "2")
        self.assertEqual(self.results(), ["dicom-seg of film"])
        self.assertEqual(self.waits[:8], [1, 2, 4, 8, 16, 32, 60, 60])
        self.assertEqual(len(self.waits), 40)

    def test_it_waits_at_least_as_long_as_it_is_told(self) -> None:
        self.orthanc.store("film")
        self.lungfield.failures = [
            hook.failure("Lungfield", 503, "overloaded", "9"),
            hook.failure("Lungfield", 503, "overloaded", "1"),
        ]
        self.run_once()
        self.assertEqual(self.waits, [9, 2])

    def test_an_orthanc_that_is_away_is_waited_for_too(self) -> None:
        self.orthanc.store("film")
        self.orthanc.failures = [hook.Later("nobody is there", False)] * 3
        self.run_once()
        self.assertEqual((self.results(), self.waits), (["dicom-seg of film"], [1, 2, 4]))

    def test_a_film_that_is_refused_is_said_once_and_the_next_one_taken(self) -> None:
        self.orthanc.store("bad")
        self.orthanc.store("good")
        self.lungfield.failures = [hook.failure("Lungfield", 422, "undecodable_image")]
        self.run_once()
        self.run_once()
        self.assertEqual((self.results(), self.waits), (["dicom-seg of good"], []))
        said = [line for line in self.heard.lines if "given up" in line]
        self.assertEqual(said, ["bad is given up for dicom-seg: Lungfield answered 422 undecodable_image"])

    def test_a_film_that_always_fails_does_not_hold_up_the_others(self) -> None:
        self.orthanc.store("bad")
        self.orthanc.store("good")
        self.lungfield.failures = [hook.failure("Lungfield", 500, "internal")] * 3
        self.run_once("--tries", "3")
        self.assertEqual((self.results(), self.waits), (["dicom-seg of good"], [1, 2]))

    def test_a_wrong_key_ends_it_and_costs_no_film(self) -> None:
        self.orthanc.store("film")
        self.lungfield.failures = [hook.failure("Lungfield", 401, "unauthorized")]
        self.assertRaises(hook.Unusable, self.run_once)
        self.run_once()
        self.assertEqual(self.results(), ["dicom-seg of film"])

    def test_an_answer_that_is_no_dicom_is_not_stored(self) -> None:
        self.orthanc.store("film")
        self.lungfield = Lungfield(media_type="text/html")
        self.assertRaises(hook.Unusable, self.run_once)
        self.assertEqual(self.results(), [])

    def test_a_film_that_was_deleted_meanwhile_is_let_go(self) -> None:
        self.orthanc.store("gone")
        self.orthanc.store("film")
        del self.orthanc.instances["gone"]
        self.run_once()
        self.assertEqual((self.results(), self.waits), (["dicom-seg of film"], []))

    def test_killed_after_any_request_it_loses_nothing_and_doubles_nothing(self) -> None:
        kills, killed = 0, True
        while killed:
            kills, killed = kills + 1, False
            self.orthanc, self.state = Orthanc(), Path(self.folder) / f"killed-{kills}.json"
            for name, sop_class in (("first", DX), ("ct", CT), ("second", DX)):
                self.orthanc.store(name, sop_class)
            self.orthanc.kills_after = kills
            try:
                self.run_once()
            except Killed:
                killed = True
                self.run_once()
            self.assertEqual(self.results(), ["dicom-seg of first", "dicom-seg of second"])
            self.assertEqual(len(self.orthanc.instances), 5)
        self.assertGreater(kills, 10)


if __name__ == "__main__":
    unittest.main()
