"""Exponents are those of the measured curves, and the documentation shows them."""

import json
from pathlib import Path

import pytest

from benchmarks.charts import draw_growth
from benchmarks.report import PAGE, RESULTS, growth_section
from benchmarks.scaling import exponent, growth
from benchmarks.yardstick import in_products


def test_the_page_shows_the_measured_growth() -> None:
    assert growth_section(json.loads((RESULTS / "bench.json").read_text())) in PAGE.read_text()


def test_the_growth_of_the_kept_results_can_be_drawn(tmp_path: Path) -> None:
    curves = json.loads((RESULTS / "bench.json").read_text())["growth"]

    draw_growth(curves, tmp_path / "growth.svg")

    drawn = (tmp_path / "growth.svg").read_text()
    assert [name for name, curve in curves.items() if f"{curve['cost']}: exponent" not in drawn] == []


@pytest.mark.parametrize("k", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found_whatever_its_factor(k: float) -> None:
    assert exponent([(size, 7 * size**k) for size in (0.1, 1, 30, 50)]) == k


def test_further_faces_grow_without_the_cost_of_the_photo_and_of_the_first() -> None:
    photos = [{"megapixels": n, "faces": n, "total": 20.0 + 3 * n} for n in (0, 1, 4, 16, 64)]
    photos[0]["total"] = 40.0
    clients = {"ms_median": 10.0, "requests_per_second": 50.0}
    found = [{"faces": n, "cpu_ms_p50": n / 1000} for n in (1_000, 1_000_000)]

    curves = growth(
        {
            "by_pixels": photos[1:],
            "by_faces": photos,
            "http": {"engine_images_per_second": 60.0, "clients_1": clients, "clients_64": clients},
            "by_gallery": found,
        }
    )

    assert curves["further faces"]["exponent"] == 1.0
    assert curves["further faces"]["points"] == [[3, 9.0], [15, 45.0], [63, 189.0]]
    # 23 and 32 ms, then 68 and 212: most of the upper half is faces.
    assert curves["faces"]["exponent"] == 0.54
    assert curves["faces"]["exponent_upper_half"] == 0.68
    assert (curves["waiting"]["exponent"], curves["search"]["exponent"]) == (0.0, 1.0)


def test_a_work_is_counted_in_products_of_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.4, *[0.3] * 20, 0.9, *[0.2] * 20, 0.5, *[0.25] * 20])
    monkeypatch.setattr("benchmarks.yardstick.cpu_seconds", lambda _: next(seconds))

    assert in_products([lambda: None]) == 2.0
