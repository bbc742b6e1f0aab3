"""What the packs of weights are called, under which terms they stand, and what of one serves in the other.

``python -m training.publish.packs`` lends the open pack what changed in the research pack.
"""

import json
from typing import Any, Final

from cv.engine.config import Pack
from cv.engine.fields import MANIFEST

Manifest = dict[str, Any]

NAMES: Final = {Pack.RESEARCH: "xcloud-attributes", Pack.OPEN: "xcloud-attributes-open"}
ARCHITECTURES: Final = {
    Pack.RESEARCH: "two face_resnet branches, one for expression, which sees the chip at 112 pixels, and one for the "
    "rest",
    Pack.OPEN: "one face_resnet",
}
LICENCES: Final = {
    Pack.RESEARCH: "Research use only, not commercial: see weights/LICENSE.md",
    Pack.OPEN: "CC BY 4.0, as its training data FairFace: see weights/LICENSE.md",
}
# Names of the tables, as cards and licences have them.
SET_NAMES: Final = {
    "allage": "All-Age-Faces",
    "facial_expressions": "facial_expressions",
    "fairface": "FairFace",
    "fer2013": "FER2013 with the votes of FER+",
    "mebeauty": "MEBeauty",
    "omi": "One Million Impressions",
    "rafdb": "RAF-DB",
    "scut": "SCUT-FBP5500",
    "utkface": "UTKFace",
}
# Entries of the research pack that fit the open one, too. The makers of the others do not say what they learned from.
_LENT: Final = ("detector",)


def main() -> None:
    path = Pack.OPEN.folder() / MANIFEST
    research = json.loads((Pack.RESEARCH.folder() / MANIFEST).read_text(encoding="utf-8"))
    manifest = json.loads(path.read_text(encoding="utf-8")) | lend(research)
    path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def lend(research: Manifest) -> Manifest:
    """The research manifest's entries that serve in the open pack, too, from where their files lie."""
    return {name: _moved(research[name]) for name in _LENT if name in research}


def _moved(entry: Any) -> Any:
    """The entry with its ONNX files one folder up. PyTorch's tensors of the cascade lie in their own package."""
    if not isinstance(entry, dict):
        return entry
    moved = {name: _moved(value) for name, value in entry.items() if name != "tensors"}
    if "tensors" in entry:
        moved["tensors"] = entry["tensors"]
    return moved | ({"file": f"../{entry['file']}"} if "file" in entry else {})


if __name__ == "__main__":
    main()
