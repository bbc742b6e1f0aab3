"""Chips go through a net a few at a time."""

import numpy as np
import numpy.typing as npt

from cv.engine.sessions import Array, run_on_chips


def test_chips_go_through_a_net_eight_at_a_time_and_come_out_in_order() -> None:
    seen = []

    def net(batch: Array) -> list[Array]:
        seen.append(batch.shape)
        return [batch[:, :, 0, 0], batch.max(axis=(1, 2, 3))]

    chips = np.arange(19 * 4 * 4 * 3, dtype=np.uint16).astype(np.uint8).reshape(19, 4, 4, 3)
    corners, brightest = run_on_chips(net, chips)

    assert seen == [(8, 3, 4, 4), (8, 3, 4, 4), (3, 3, 4, 4)]
    np.testing.assert_array_equal(corners, chips[:, 0, 0, :])
    np.testing.assert_array_equal(brightest, chips.max(axis=(1, 2, 3)))


def test_without_chips_there_are_no_rows_but_all_outputs() -> None:
    chips: npt.NDArray[np.uint8] = np.empty((0, 4, 4, 3), np.uint8)

    (means,) = run_on_chips(lambda batch: [batch.mean(axis=(2, 3))], chips)

    assert means.shape == (0, 3)
