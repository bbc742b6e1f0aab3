"""The trunk read from dlib's file computes what dlib computes."""

import pytest
import torch
from skimage import data

from training.nets.dlib_weights import pretrained_face_resnet

# dlib 20.0.1: face_recognition_model_v1.compute_face_descriptor(astronaut()[45:195, 150:300]).
DESCRIPTOR = [-0.08622, 0.07532, 0.02799, 0.04514, -0.15711, 0.02785, -0.0057, -0.12998]
NORM = 1.51232


def test_descriptor_of_a_real_face_is_dlibs() -> None:
    trunk, projection = pretrained_face_resnet()
    chip = torch.from_numpy(data.astronaut()[45:195, 150:300].copy()).permute(2, 0, 1)[None].float()
    mean = torch.tensor([122.782, 117.001, 104.298])[:, None, None]

    with torch.inference_mode():
        descriptor = (trunk((chip - mean) / 256).mean(dim=(2, 3)) @ projection)[0]

    assert descriptor[:8].tolist() == pytest.approx(DESCRIPTOR, abs=1e-4)
    assert float(descriptor.norm()) == pytest.approx(NORM, abs=1e-4)
