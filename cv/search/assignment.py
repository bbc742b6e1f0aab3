"""The best one-to-one assignment: the Hungarian method with potentials, O(n² m) for n rows and m ≥ n columns.

After Jonker and Volgenant, "A Shortest Augmenting Path Algorithm for Dense and Sparse Linear Assignment Problems",
Computing 38 (1987). SciPy has it, too, but only for this 90 MB would be installed.
"""

import numpy as np
import numpy.typing as npt


def assign(gains: npt.NDArray[np.float64]) -> dict[int, int]:
    """Row → column, with the largest sum of gains. ``gains`` is (N, M) and not negative; 0 forbids a pair."""
    pairs: dict[int, int] = {}
    for rows, columns in _parts(gains > 0):
        part = gains[np.ix_(rows, columns)]
        flipped = len(rows) > len(columns)
        for a, b in enumerate(_assigned(-(part.T if flipped else part))):
            row, column = (b, a) if flipped else (a, b)
            if part[row, column] > 0:
                pairs[int(rows[row])] = int(columns[column])
    return pairs


def _parts(linked: npt.NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """Rows and columns that compete with each other; nearly always one row and its columns."""
    parts, left = [], set(np.flatnonzero(linked.any(axis=1)).tolist())
    while left:
        rows: list[int] = []
        columns: set[int] = set()
        waiting = [min(left)]
        left -= set(waiting)
        while waiting:
            row = waiting.pop()
            rows.append(row)
            more = set(np.flatnonzero(linked[row]).tolist()) - columns
            columns |= more
            rivals = left & set(np.flatnonzero(linked[:, sorted(more)].any(axis=1)).tolist()) if more else set()
            left -= rivals
            waiting += sorted(rivals)
        parts.append((sorted(rows), sorted(columns)))
    return parts


def _assigned(costs: npt.NDArray[np.float64]) -> list[int]:
    """The column of each row at the lowest total cost; ``costs`` is (N, M) with N ≤ M."""
    rows, columns = costs.shape
    of_row, of_column = np.zeros(rows), np.zeros(columns)
    # The row of each column; -1 is none.
    owner = np.full(columns, -1)
    for new in range(rows):
        row, reach, came_from = new, np.full(columns, np.inf), np.full(columns, -1)
        done, at = np.zeros(columns, bool), -1
        while True:
            reduced = costs[row] - of_row[row] - of_column
            distance = 0.0 if at < 0 else reach[at]
            shorter = ~done & (distance + reduced < reach)
            reach[shorter], came_from[shorter] = distance + reduced[shorter], at
            at = int(np.argmin(np.where(done, np.inf, reach)))
            if owner[at] < 0:
                break
            done[at], row = True, int(owner[at])
        of_row[new] += reach[at]
        of_row[owner[done]] += reach[at] - reach[done]
        of_column[done] -= reach[at] - reach[done]
        while at >= 0:
            before = int(came_from[at])
            owner[at] = owner[before] if before >= 0 else new
            at = before
    found = [-1] * rows
    for column, row in enumerate(owner):
        if row >= 0:
            found[row] = column
    return found
