"""Runs in the peer's own environment: facenet-pytorch's ``MTCNN.detect`` on each photo that is requested.

A request is a line of JSON on standard input, ``{"photo": path, "min_face_px": 20}``; the answer a line on standard
output, ``{"ms": 95.1, "boxes": [[x1, y1, x2, y2], …]}``. Only ``detect`` is timed; the photo is already decoded.
"""

import json
import sys
import time
from functools import cache

import torch
from facenet_pytorch import MTCNN
from PIL import Image, ImageOps


@cache
def detector(min_face_px: int) -> MTCNN:
    return MTCNN(keep_all=True, min_face_size=min_face_px, device="cpu")


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]))
    for line in sys.stdin:
        request = json.loads(line)
        with Image.open(request["photo"]) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
        mtcnn = detector(request["min_face_px"])
        started = time.perf_counter()
        boxes, _ = mtcnn.detect(image)
        milliseconds = (time.perf_counter() - started) * 1000
        found = [] if boxes is None else boxes.tolist()
        print(json.dumps({"ms": milliseconds, "boxes": found}), flush=True)


if __name__ == "__main__":
    main()
