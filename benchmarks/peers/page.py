"""Writes the measured times beside other packages' into docs/performance.md."""

from typing import Any, Final

from benchmarks.markdown import table
from benchmarks.peers.packages import PACKAGES
from benchmarks.report import PAGE
from training.measure.pages import replace_section

NOT_YET: Final = "Not measured yet: `make bench-peers` writes the table here."


def write_page(result: dict[str, Any]) -> None:
    """Replaces the two tables of the page."""
    replace_section(PAGE, "detection", detection_table(result))
    replace_section(PAGE, "packages", packages_table(result))


def detection_table(result: dict[str, Any]) -> str:
    """Our time to all attributes beside facenet-pytorch's detection alone."""
    heads = (
        "photos",
        "smallest face",
        "ours, all attributes",
        "the peer, detection only",
        "ratio",
        "its faces that we also find",
    )
    rows: list[tuple[str, ...]] = []
    for name, measured in result["sets"].items():
        for px, row in measured["by_min_face_px"].items():
            found = f"{row['found_too']} of {row['peer_faces']}"
            times = (f"{row['ours_ms']} ms", f"{row['peer_ms']} ms", f"{row['ratio']:.2f}")
            rows.append((name, f"{px} px", *times, found))
    for name, measured in result["sets"].items():
        theirs, ours = measured["by_min_face_px"].values()
        ratio = f"{measured['ratio_of_defaults']:.2f}"
        defaults = "defaults: ours 40 px, the peer's 20 px"
        rows.append((name, defaults, f"{ours['ours_ms']} ms", f"{theirs['peer_ms']} ms", ratio, ""))
    return f"\n{table(heads, rows)}\n\n"


def packages_table(result: dict[str, Any]) -> str:
    """Times from bytes to answers, beside the packages that answer something."""
    if "packages" not in result:
        return f"\n{NOT_YET}\n\n"
    heads = ("package", "gives", "photos", "threads", "theirs", "ours", "ratio", "faces, theirs / ours")
    rows = [
        (
            f"{PACKAGES[name].name} {measured['version']}",
            ", ".join(measured["gives"]),
            f"{row['photos']}, {size}",
            measured["threads"],
            f"{row['peer_ms']} ms",
            f"{row['ours_ms']} ms",
            f"{row['ratio']:.2f}",
            f"{row['peer_faces']} / {row['our_faces']}",
        )
        for name, measured in result["packages"].items()
        for size, row in measured["sets"].items()
    ]
    return f"\n{table(heads, rows)}\n\n"
