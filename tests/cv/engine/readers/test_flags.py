"""The logits of each head become the probability of each of its labels."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from cv.engine.align import XCLOUD_5, Crop, Similarity
from cv.engine.config import WEIGHTS_DIR
from cv.engine.errors import ModelNotReady
from cv.engine.labels import FACE_TRAITS, JUDGED_TRAITS
from cv.engine.manifest import read_manifest
from cv.engine.outputs import get_output
from cv.engine.readers.flags import FlagsReader
from cv.engine.types import Answers, Flags

MODEL = replace(
    read_manifest(WEIGHTS_DIR).default,
    heads={"traits": len(FACE_TRAITS), "judged_traits": len(JUDGED_TRAITS)},
    crop=Crop(XCLOUD_5, 8),
)


def net(batch: np.ndarray) -> list[np.ndarray]:
    """The first trait's logit is the mean of the chip, and the others are 0."""
    heads = [np.zeros((len(batch), size), np.float32) for size in MODEL.heads.values()]
    heads[0][:, 0] = batch.mean(axis=(1, 2, 3))
    return heads


def chips(*levels: int) -> np.ndarray:
    return np.stack([np.full((8, 8, 3), level, np.uint8) for level in levels])


def shares_of(answers: Answers) -> Mapping[str, float]:
    answer = answers["traits"]
    assert isinstance(answer, Flags)
    return answer.probabilities


def test_each_label_has_a_probability_of_its_own_and_only_wanted_outputs_are_answered() -> None:
    faces = FlagsReader(MODEL, net).read(chips(0, 2), [Similarity(1 + 0j, 0j)] * 2, frozenset({"traits"}))

    assert [list(face) for face in faces] == [["traits"], ["traits"]]
    assert list(shares_of(faces[0])) == list(FACE_TRAITS)
    assert shares_of(faces[0])["5_o_clock_shadow"] == 0.5
    assert shares_of(faces[1])["5_o_clock_shadow"] == pytest.approx(1 / (1 + np.exp(-2)))
    assert shares_of(faces[1])["young"] == 0.5


def test_more_faces_than_a_batch_are_answered_in_their_order() -> None:
    levels = [i % 5 for i in range(70)]

    shares = FlagsReader(MODEL, net).probabilities(chips(*levels))["traits"][:, 0]

    assert shares.tolist() == pytest.approx([1 / (1 + np.exp(-level)) for level in levels])


def test_an_output_that_is_no_flags_is_refused() -> None:
    with pytest.raises(ModelNotReady, match=r"outputs: age is not flags but estimate"):
        FlagsReader(replace(MODEL, heads={"age": 101}), net)


def test_the_traits_are_celebas_forty_and_the_six_judgements_are_apart() -> None:
    traits, judged = get_output("traits"), get_output("judged_traits")

    assert (len(traits.labels), len(judged.labels), len({*traits.labels, *judged.labels})) == (34, 6, 40)
    assert (traits.opt_in, judged.opt_in) == (False, True)
    assert not traits.default
    assert not judged.default
