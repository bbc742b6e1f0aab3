"""The guard of `make bench` fails on what got slower, passes noise, and compares only machines of one kind."""

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import guard, report, scaling


def row(**given: Any) -> dict[str, Any]:
    stages = dict.fromkeys(("decode", "detect", "attributes", "total"), 10.0)
    return {"megapixels": 1.0, "faces": 1, **stages, "products": 20.0} | given


def server(share: float) -> dict[str, Any]:
    answered = {"requests_per_second": 50.0, "share_of_engine": share, "ms_median": 20.0}
    answered |= {"ms_p95": 30.0, "ms_p99": 40.0, "p95_over_median_alone": 1.5}
    facts = {"engine_images_per_second": 60.0, "first_answer_s": 0.8}
    return facts | {"memory_mb_before": 500.0, "memory_mb_after": 550.0, "clients_1": answered, "clients_8": answered}


@pytest.fixture
def measured() -> dict[str, Any]:
    stages = {"decode": 1.0, "detect": 10.0, "attributes": 6.0}
    engine = {"images": 40, "faces": 146, "total_ms_median": 18.0, "total_ms_p95": 60.0, "stages_ms": stages}
    engine |= {"images_per_second": 60.0, "images_per_second_one_by_one": 40.0, "products": 22.0}
    sets = ("at most 640 px", "full size")
    found = {"faces": 1_000_000, "cpu_ms_p50": 27.0, "of_bare_product": 1.2}
    result = {
        "machine": {"vector_units": ["avx2", "avx512_vnni"], "cores": 2, "blas": "openblas SkylakeX"},
        "photos": "5e1f",
        "rates": {"gemm_gmacs": 129.0, "copy_gb_per_second": 19.8},
        "engine": {name: copy.deepcopy(engine) for name in sets},
        "floors": {name: {"pnet": {"calls": 7.5, "floor_ms": 0.6, "ms": 2.0}} for name in sets},
        "by_pixels": [row(), row(megapixels=50.0, total=100.0, products=300.0)],
        "by_faces": [
            row(faces=0, total=5.0),
            row(faces=1),
            row(faces=2, total=14.0),
            row(faces=300, total=900.0, products=900.0),
        ],
        "http": server(0.86),
        "http_full_size": server(0.95),
        "http_one_photo": server(0.84),
        "by_gallery": [found | {"faces": 1_000, "cpu_ms_p50": 0.3}, found],
    }
    return result | {"growth": scaling.growth(result)}


def test_the_same_results_and_noise_pass(measured: dict[str, Any]) -> None:
    noisy = copy.deepcopy(measured)
    noisy["engine"]["full size"]["products"] *= 1.14
    noisy["http"]["clients_8"]["share_of_engine"] /= 1.14

    assert guard.compare(measured, measured) == ([], [])
    assert guard.compare(measured, noisy) == ([], [])


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            ("engine", "at most 640 px", "products"),
            "a photo, at most 640 px: 22 before, 26.4 now (+20%; matrix products of one core)",
        ),
        (
            ("by_pixels", -1, "products"),
            "a photo of 50 megapixels: 300 before, 360 now (+20%; matrix products of one core)",
        ),
        (
            ("by_faces", -1, "products"),
            "a photo of 300 faces: 900 before, 1080 now (+20%; matrix products of one core)",
        ),
        (
            ("by_gallery", -1, "of_bare_product"),
            "a search among 1,000,000 faces: 1.2 before, 1.44 now (+20%; of the bare product)",
        ),
        (("http_full_size", "memory_mb_after"), "memory of the server: 550 before, 660 now (+20%; MB)"),
    ],
)
def test_a_figure_that_grew_by_a_fifth_is_named(measured: dict[str, Any], part: tuple[Any, ...], message: str) -> None:
    slower = copy.deepcopy(measured)
    at: Any = slower
    for key in part[:-1]:
        at = at[key]
    at[part[-1]] = round(at[part[-1]] * 1.2, 2)

    assert guard.compare(measured, slower) == ([message], [])
    # What got better is no regression.
    assert guard.compare(slower, measured) == ([], [])


def test_a_smaller_share_of_the_engine_is_a_regression(measured: dict[str, Any]) -> None:
    slower = copy.deepcopy(measured)
    slower["http_one_photo"]["clients_8"] = {**slower["http_one_photo"]["clients_8"], "share_of_engine": 0.7}

    assert guard.compare(measured, slower) == (
        ["eight clients, one photo: 0.84 before, 0.7 now (-17%; of the engine's rate)"],
        [],
    )


def test_a_machine_of_another_kind_is_compared_by_shares_and_memory_only(measured: dict[str, Any]) -> None:
    other = copy.deepcopy(measured)
    other["machine"]["vector_units"] = ["avx2"]
    other["engine"]["full size"]["products"] *= 3
    other["http"]["clients_8"] = {**other["http"]["clients_8"], "share_of_engine": 0.6}

    worse, notes = guard.compare(measured, other)

    assert worse == ["eight clients, small photos: 0.86 before, 0.6 now (-30%; of the engine's rate)"]
    assert notes[1] == ("a photo, full size: another kind of machine (vector_units avx2+avx512_vnni then, avx2 now)")
    assert len(notes) == 5


def test_with_other_photos_the_drawn_pictures_and_the_search_are_compared(measured: dict[str, Any]) -> None:
    other = copy.deepcopy(measured) | {"photos": "0ff1"}
    other["by_faces"][-1]["products"] *= 2
    other["engine"]["full size"]["products"] *= 2

    worse, notes = guard.compare(measured, other)

    assert worse == ["a photo of 300 faces: 900 before, 1800 now (+100%; matrix products of one core)"]
    assert "a photo, full size: other photos" in notes


def test_earlier_results_without_a_figure_are_no_error(measured: dict[str, Any]) -> None:
    earlier = copy.deepcopy(measured)
    del earlier["by_gallery"]

    assert guard.compare(earlier, measured) == ([], ["a search among 1,000,000 faces: not in the earlier results"])


def test_make_bench_fails_and_keeps_the_earlier_results(
    measured: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slower = copy.deepcopy(measured)
    slower["engine"]["full size"]["products"] = 44.0
    monkeypatch.setattr(report, "REJECTED", tmp_path / "rejected")
    monkeypatch.setattr(sys, "argv", ["report", "--photos", str(tmp_path), "--output", str(tmp_path / "results")])
    monkeypatch.setattr(report, "measure", lambda *_: measured)
    report.main()
    monkeypatch.setattr(report, "measure", lambda *_: slower)
    with pytest.raises(SystemExit, match="a photo, full size: 22 before, 44 now"):
        report.main()

    assert json.loads((tmp_path / "results" / "bench.json").read_text()) == measured
    assert json.loads((tmp_path / "rejected" / "bench.json").read_text()) == slower
    assert (tmp_path / "rejected" / "growth.svg").exists()

    accept = ["report", "--result", str(tmp_path / "rejected" / "bench.json"), "--output", str(tmp_path / "results")]
    monkeypatch.setattr(sys, "argv", accept)
    report.main()

    assert json.loads((tmp_path / "results" / "bench.json").read_text()) == slower
