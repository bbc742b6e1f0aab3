"""Random changes of chips that repeat with their seed, and blends of two faces."""

import torch

from cv.engine.labels import Attribute
from training.data.augment import Augmentation, augment, centre, mix_pairs
from training.data.chips import Crop

CROP = Crop()


def test_augmented_chips_have_the_served_size_and_repeat_with_the_seed() -> None:
    chips = torch.rand(6, 3, CROP.cached, CROP.cached) * 255

    one, two = (
        augment(chips.clone(), Augmentation(), torch.Generator().manual_seed(5), CROP, CROP.size) for _ in range(2)
    )

    assert one.shape == (6, 3, CROP.size, CROP.size)
    assert torch.equal(one, two)
    assert 0 <= float(one.min()) <= float(one.max()) <= 255


def test_no_augmentation_is_the_centre_or_its_mirror() -> None:
    """With all ranges at 0 only the mirroring is left, and the zoom is the one that is served."""
    chips = torch.rand(8, 3, CROP.cached, CROP.cached) * 255
    nothing = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0)

    moved = augment(chips, nothing, torch.Generator().manual_seed(2), CROP, CROP.size)

    plain = centre(chips, CROP, CROP.size)
    for one, expected in zip(moved, plain, strict=True):
        difference = min(float((one - side).abs().max()) for side in (expected, expected.flip(2)))
        assert difference < 0.1


def test_mixed_chips_and_targets_are_blended_in_the_same_shares() -> None:
    chips = torch.tensor([0.0, 100.0, 200.0, 50.0])[:, None, None, None].expand(4, 3, 2, 2)
    targets = {Attribute.GENDER: torch.stack([1 - chips[:, 0, 0, 0] / 200, chips[:, 0, 0, 0] / 200], dim=1)}

    blended, mixed_targets = mix_pairs(chips, targets, 1.0, torch.Generator().manual_seed(3))

    assert not torch.equal(blended, chips)
    torch.testing.assert_close(mixed_targets[Attribute.GENDER][:, 1], blended[:, 0, 0, 0] / 200)
    torch.testing.assert_close(mixed_targets[Attribute.GENDER].sum(dim=1), torch.ones(4))


def test_a_blend_with_a_face_without_a_label_has_none() -> None:
    chips = torch.rand(2, 3, 2, 2)
    targets = {Attribute.GENDER: torch.tensor([[1.0, 0.0], [0.0, 0.0]])}
    swapping = next(s for s in range(99) if _order(s) == [1, 0])

    _, mixed_targets = mix_pairs(chips, targets, 1.0, torch.Generator().manual_seed(swapping))

    assert mixed_targets[Attribute.GENDER].abs().max() == 0


def test_a_blend_with_a_face_that_marks_a_range_has_no_target() -> None:
    chips = torch.rand(2, 3, 2, 2)
    targets = {Attribute.AGE: torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])}
    swapping = next(s for s in range(99) if _order(s) == [1, 0])

    _, mixed_targets = mix_pairs(chips, targets, 1.0, torch.Generator().manual_seed(swapping))

    assert mixed_targets[Attribute.AGE].abs().max() == 0


def _order(seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    torch.randint(2**31, (1,), generator=generator)  # that of the shares
    return torch.randperm(2, generator=generator).tolist()
