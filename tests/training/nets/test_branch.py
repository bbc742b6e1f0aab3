"""The branches of the served net start as recipes say."""

import pytest
import torch

from cv.engine.config import WEIGHTS_DIR, Pack
from cv.engine.labels import Attribute
from cv.engine.nets.attribute_net import PACKS, Branch
from training.nets import NETS
from training.nets.branch import read_published
from training.nets.dlib_weights import pretrained_face_resnet


def test_a_branch_for_other_outputs_is_refused() -> None:
    with pytest.raises(ValueError, match="the net expression answers expression, not age, gender"):
        NETS["expression"].build((Attribute.AGE, Attribute.GENDER), 0.0)


def test_a_branch_starts_from_the_layers_of_dlibs_trunk_that_it_has() -> None:
    net = NETS["expression"].build((Attribute.EXPRESSION,), 0.0)

    assert NETS["expression"].pretrain(net) == "dlib's face-recognition ResNet"

    dlib = pretrained_face_resnet()[0].state_dict()
    assert all(
        torch.equal(dlib[name.removeprefix("trunk.")], t) for name, t in net.state_dict().items() if "trunk" in name
    )


def test_the_published_weights_fit_each_branch() -> None:
    for pack, branches in PACKS.items():
        for name in branches:
            Branch(name).load_state_dict(read_published(Pack(pack).folder(WEIGHTS_DIR), name))
