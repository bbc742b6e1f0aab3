"""Writes the bill of materials of each pack of weights: every net, what it learned from and what it started from, with
licence and origin, as CycloneDX 1.6: ``python -m training.publish.bills``.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cv.engine.config import Pack
from cv.engine.fields import MANIFEST
from training.publish.packs import NAMES, Manifest

FILE: Final = "bom.cdx.json"
# Licences that allow commercial use, by their SPDX identifiers: of these alone is the open pack made.
FREE: Final = frozenset({"MIT", "Apache-2.0", "CC-BY-4.0", "CC0-1.0"})


@dataclass(frozen=True, slots=True)
class Material:
    """Data, or weights that a net starts from. ``licence`` is an SPDX identifier, or the terms in words."""

    name: str
    licence: str
    origin: str
    kind: str = "data"


_RESEARCH: Final = "research only"
MATERIALS: Final = {
    material.name: material
    for material in (
        Material("All-Age-Faces", "none stated", "https://github.com/JingchunCheng/All-Age-Faces-Dataset"),
        Material("CelebA", "research only, not commercial", "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"),
        Material("facial_expressions", _RESEARCH, "https://github.com/muxspace/facial_expressions"),
        Material("FairFace", "CC-BY-4.0", "https://github.com/joojs/fairface"),
        Material(
            "FER2013 with the votes of FER+",
            "research only; the votes: MIT",
            "https://github.com/microsoft/FERPlus",
        ),
        Material("MEBeauty", _RESEARCH, "https://github.com/fbplab/MEBeauty-database"),
        Material("One Million Impressions", "CC-BY-NC-SA-4.0", "https://github.com/jcpeterson/omi"),
        Material("RAF-DB", "research only, not commercial", "http://www.whdeng.cn/raf/model1.html"),
        Material("SCUT-FBP5500", _RESEARCH, "https://github.com/HCIILAB/SCUT-FBP5500-Database-Release"),
        Material("UTKFace", "research only, not commercial", "https://susanqq.github.io/UTKFace/"),
        Material("pictures without people from scikit-image", "CC0-1.0", "https://scikit-image.org/"),
        Material("not documented by its makers", "unknown", "https://github.com/opencv/opencv_zoo"),
        Material("the mesh: not documented by its makers", "unknown", "https://ai.google.dev/edge/mediapipe"),
        Material("the 68 points: Helen (300-W)", _RESEARCH, "https://ibug.doc.ic.ac.uk/resources/300-W/"),
        Material(
            "dlib's face-recognition ResNet",
            "CC0-1.0",
            "https://github.com/davisking/dlib-models",
            "machine-learning-model",
        ),
    )
}
# What a net's weights were before it learned, if not random.
STARTS: Final = dict.fromkeys((*NAMES.values(), "xcloud-traits"), ("dlib's face-recognition ResNet",))
# Terms as the manifest words them, and their SPDX identifiers.
_SPDX: Final = {"CC BY 4.0": "CC-BY-4.0", "MIT": "MIT", "Apache-2.0": "Apache-2.0"}


def main() -> None:
    for pack in Pack:
        folder = pack.folder()
        bill = build_bill(pack, json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        (folder / FILE).write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def build_bill(pack: Pack, manifest: Manifest) -> dict[str, Any]:
    """The bill as plain JSON types. Raises KeyError if a net learned from something that MATERIALS does not name."""
    nets = [manifest["detector"], *manifest["models"]]
    nets += [manifest[name] for name in ("check", "quality", "portrait") if name in manifest]
    materials = {name: MATERIALS[name] for net in nets for name in _needs(net)}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "machine-learning-model", "bom-ref": pack.value, "name": f"xcloud-{pack}"}},
        "components": [*map(_describe_net, nets), *map(_describe_material, materials.values())],
        "dependencies": [
            {"ref": pack.value, "dependsOn": [net["name"] for net in nets]},
            *({"ref": net["name"], "dependsOn": list(_needs(net))} for net in nets),
        ],
    }


def _needs(net: Manifest) -> tuple[str, ...]:
    return (*net.get("trained_on", ()), *STARTS.get(net["name"], ()))


def _describe_net(net: Manifest) -> dict[str, Any]:
    onnx = net["onnx"]
    files = [onnx] if "file" in onnx else list(onnx.values())
    return {
        "type": "machine-learning-model",
        "bom-ref": net["name"],
        "name": net["name"],
        **({"version": net["version"]} if "version" in net else {}),
        "licenses": _licences(net["licence"]),
        "components": [
            {"type": "file", "name": Path(file["file"]).name, "hashes": [{"alg": "SHA-256", "content": file["sha256"]}]}
            for file in files
        ],
    }


def _describe_material(material: Material) -> dict[str, Any]:
    return {
        "type": material.kind,
        "bom-ref": material.name,
        "name": material.name,
        "licenses": _licences(material.licence),
        "externalReferences": [{"type": "website", "url": material.origin}],
    }


def _licences(terms: str) -> list[dict[str, Any]]:
    # "Apache-2.0 (MediaPipe); the head: research use only" is not free.
    known = next((spdx for words, spdx in _SPDX.items() if terms.startswith(words) and ";" not in terms), terms)
    is_identifier = known in FREE or known.startswith("CC-")
    return [{"license": {"id": known} if is_identifier else {"name": terms}}]


if __name__ == "__main__":
    main()
