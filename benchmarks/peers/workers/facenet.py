"""facenet-pytorch's ``MTCNN.detect`` on each photo that is requested, with its ``min_face_px``.

Only ``detect`` is timed; the photo is already decoded.
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
        ms = (time.perf_counter() - started) * 1000
        faces = [] if boxes is None else [{"box": box} for box in boxes.tolist()]
        print(json.dumps({"ms": ms, "faces": faces}), flush=True)


if __name__ == "__main__":
    main()
