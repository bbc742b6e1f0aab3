"""Describes the faces of a photo: ``XCLOUD_KEY=xc_… python describe.py photo.jpg [http://127.0.0.1:8000]``."""

# ruff: noqa: T201 -- a program for people to read and run.

import os
import sys
from pathlib import Path

from xcloud_client import ApiError, XCloud


def main(file: str, url: str = "http://127.0.0.1:8000") -> int:
    with XCloud(url, os.environ["XCLOUD_KEY"]) as cloud:
        try:
            analysis = cloud.analyse(Path(file), attributes=["age", "expression"])
        except ApiError as error:
            print(error, file=sys.stderr)
            return 1
    for face in analysis["faces"]:
        age, expression = face["attributes"]["age"], face["attributes"]["expression"]
        about = "age unsure" if age["abstained"] else f"about {age['value']:.0f}"
        looks = "expression unsure" if expression["abstained"] else expression["label"]
        print(f"face {face['index']}: {about}, {looks}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
