"""The registry of outputs."""

from dataclasses import replace

import pytest

from cv.engine.outputs import DEFAULT_OUTPUTS, Output, Shape, all_outputs, get_output, register

GLASSES = Output("glasses", Shape.CATEGORY, labels=("none", "worn"))

pytestmark = pytest.mark.usefixtures("registries")


def test_the_five_come_first_and_are_answered_if_a_request_names_none() -> None:
    assert DEFAULT_OUTPUTS == ("age", "gender", "race", "expression", "beauty")
    assert tuple(output.name for output in all_outputs() if output.default) == DEFAULT_OUTPUTS
    assert [get_output(name).shape for name in DEFAULT_OUTPUTS] == [
        "estimate", "category", "category", "category", "estimate",
    ]  # fmt: skip
    assert [get_output(name).size for name in DEFAULT_OUTPUTS] == [101, 2, 5, 7, 10]
    assert (get_output("age").unit, get_output("beauty").scale) == ("years", (1.0, 10.0))


def test_a_new_output_is_known_after_the_others() -> None:
    register(GLASSES)

    assert get_output("glasses") is GLASSES
    assert all_outputs()[-1] is GLASSES


def test_the_same_definition_may_come_twice_and_another_one_not() -> None:
    register(GLASSES)
    register(replace(GLASSES))

    with pytest.raises(ValueError, match="another output is called glasses"):
        register(replace(GLASSES, public=False))


@pytest.mark.parametrize("name", ["", "Glasses", "1st", "with-dash", "a" * 31])
def test_a_name_that_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="an output's name is like"):
        Output(name, Shape.FLAGS)


def test_a_size_that_neither_labels_nor_bins_say_is_not_known() -> None:
    assert Output("embedding", Shape.VECTOR, public=False).size is None
