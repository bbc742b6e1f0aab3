"""The registry of outputs: what can be computed for a face, each with its shape and its labels, bins or unit.

A new output is one ``register`` call, here or in a plugin. Code that shows answers depends on their shape, never on a
name.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cv.engine.labels import BEAUTY_SCALE, BINS, CLASSES, FACE_TRAITS, JUDGED_TRAITS, Attribute, Expression

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,29}")


class Shape(StrEnum):
    """The six shapes of an answer; ``cv.engine.types`` has a class for each."""

    CATEGORY = "category"
    ESTIMATE = "estimate"
    FLAGS = "flags"
    POINTS = "points"
    VECTOR = "vector"
    MASK = "mask"


@dataclass(frozen=True, slots=True)
class Output:
    """``labels`` name the classes of a Category, the flags of Flags, and the components of Points or a Vector if they
    have names. ``bins`` are the values that an Estimate's distribution is over, ``scale`` is its fixed scale.
    ``default`` ones are answered if a request names none. Every key that may analyze may ask for a ``public`` one; the
    others need a scope of their own. A ``momentary`` one changes while a face is watched, so that a video has a
    timeline of it, and a still of the moment in which the label ``highlight`` is likeliest. ``opt_in`` ones are served
    only if the operator names them in the settings.

    Raises ValueError if the name is no identifier of up to 30 characters.
    """

    name: str
    shape: Shape
    labels: tuple[str, ...] = ()
    bins: tuple[float, ...] = ()
    unit: str = ""
    scale: tuple[float, float] | None = None
    default: bool = False
    public: bool = True
    momentary: bool = False
    highlight: str = ""
    opt_in: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"an output's name is like {_NAME.pattern}, not {self.name!r}")

    @property
    def size(self) -> int | None:
        """The number of logits of a head for this output; None if neither labels nor bins say it."""
        return len(self.labels) or len(self.bins) or None


_OUTPUTS: Final[dict[str, Output]] = {}


def register(output: Output) -> Output:
    """Makes the output known. Raises ValueError if its name is taken by another definition."""
    if _OUTPUTS.setdefault(output.name, output) != output:
        raise ValueError(f"another output is called {output.name}")
    return output


def get_output(name: str) -> Output:
    """Raises KeyError for a name that is not known."""
    return _OUTPUTS[name]


def all_outputs() -> tuple[Output, ...]:
    """In the order of their registration, which is that of answers."""
    return tuple(_OUTPUTS.values())


def public_outputs() -> tuple[Output, ...]:
    """Those that every key that may analyze may ask for, in the same order."""
    return tuple(output for output in _OUTPUTS.values() if output.public)


for _attribute in Attribute:
    register(
        Output(
            _attribute.value,
            Shape.CATEGORY if _attribute in CLASSES else Shape.ESTIMATE,
            labels=CLASSES.get(_attribute, ()),
            bins=tuple(BINS[_attribute].tolist()) if _attribute in BINS else (),
            unit="years" if _attribute is Attribute.AGE else "",
            scale=BEAUTY_SCALE if _attribute is Attribute.BEAUTY else None,
            default=True,
            momentary=_attribute is Attribute.EXPRESSION,
            highlight=Expression.HAPPINESS.value if _attribute is Attribute.EXPRESSION else "",
        )
    )
DEFAULT_OUTPUTS: Final = tuple(output.name for output in all_outputs())
# A vector of length 1, to be compared with those of the same model by the cosine. It tells who someone is, so it needs
# the scope `identify`, and no analysis stores it.
EMBEDDING: Final = register(Output("embedding", Shape.VECTOR, public=False))
# Of one model: 68 points, the whole mesh of 468, how the head is turned, and what is open.
POINTS: Final = register(Output("points", Shape.POINTS))
MESH: Final = register(Output("mesh", Shape.POINTS))
POSE: Final = register(Output("pose", Shape.VECTOR, labels=("yaw", "pitch", "roll"), unit="degrees"))
OPENNESS: Final = register(Output("openness", Shape.FLAGS, labels=("left_eye", "right_eye", "mouth")))
TRAITS: Final = register(Output("traits", Shape.FLAGS, labels=FACE_TRAITS))
JUDGED: Final = register(Output("judged_traits", Shape.FLAGS, labels=JUDGED_TRAITS, opt_in=True))
