"""Publishes MediaPipe's selfie segmentation, the net that tells people from their background.

``python -m training.publish.selfie --tflite package/selfie_segmentation.tflite``

The file is that of the npm package ``@mediapipe/selfie_segmentation`` 0.1.1675465747 (``npm pack``), Apache-2.0.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Final

from cv.engine.config import WEIGHTS_DIR
from cv.engine.fields import MANIFEST
from training.publish.export import Manifest, write_manifest
from training.publish.from_tflite import convert

NAME: Final = "selfie"
FILE: Final = "selfie.onnx"
SOURCE_SHA256: Final = "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27"
SIZE: Final = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tflite", type=Path, required=True, help="the published file")
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    arguments = parser.parse_args()
    published = arguments.tflite.read_bytes()
    if hashlib.sha256(published).hexdigest() != SOURCE_SHA256:
        raise SystemExit(f"{arguments.tflite} is not the published file: its SHA-256 differs from {SOURCE_SHA256}")
    data = convert(published, NAME, ["person"]).SerializeToString(deterministic=True)
    path = arguments.weights_dir / MANIFEST
    manifest: Manifest = json.loads(path.read_text())
    manifest["portrait"] = describe(data)
    write_manifest(path, manifest, {FILE: data})


def describe(data: bytes) -> Manifest:
    """The model's part of the manifest."""
    return {
        "name": NAME,
        "version": "0.1.1675465747",
        "licence": "Apache-2.0 (MediaPipe)",
        "architecture": "MediaPipe selfie segmentation: MobileNet v3 with a decoder, 256 pixels",
        "size": SIZE,
        "source": f"npm @mediapipe/selfie_segmentation 0.1.1675465747, sha256 {SOURCE_SHA256}",
        "trained_on": ["not documented by its makers"],
        "training": {
            NAME: {
                "command": "python -m training.publish.selfie --tflite package/selfie_segmentation.tflite",
                "note": "Not trained here",
            }
        },
        "metrics": {"portraits.face_iou": 0.938, "portraits.idphoto_iou": 0.982, "portraits.person_iou": 0.876},
        "onnx": {"file": FILE, "sha256": hashlib.sha256(data).hexdigest()},
    }


if __name__ == "__main__":
    main()
