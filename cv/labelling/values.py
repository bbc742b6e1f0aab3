"""Which outputs people can label: classes, and numbers on a scale. What they can say depends on the shape."""

from cv.engine.outputs import Output, Shape, public_outputs

# A label of an age may lie above the model's last bin.
OLDEST = 120.0


def labelable_outputs() -> tuple[Output, ...]:
    """In the registry's order."""
    return tuple(output for output in public_outputs() if output.shape in (Shape.CATEGORY, Shape.ESTIMATE))


def value_range(output: Output) -> tuple[float, float] | None:
    """The smallest and the largest label of an estimate; None if every number is possible."""
    if output.scale is not None:
        return output.scale
    if output.unit == "years":
        return 0.0, OLDEST
    return (output.bins[0], output.bins[-1]) if output.bins else None
