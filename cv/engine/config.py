"""The settings of an engine. The options of a single image are in ``AnalysisOptions``."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

WEIGHTS_DIR = Path(__file__).resolve().parents[2] / "weights"


class Pack(StrEnum):
    """A set of weights: all that there is, for research, or what may be used commercially, too."""

    RESEARCH = "research"
    OPEN = "open"

    def folder(self, weights_dir: Path = WEIGHTS_DIR) -> Path:
        """Its folder: the research pack lies in ``weights_dir`` itself, and lends its free files to the other."""
        return weights_dir if self is Pack.RESEARCH else weights_dir / self.value


class Backend(StrEnum):
    """What runs the nets: ONNX Runtime on a CPU, or PyTorch, the reference and the one for a GPU."""

    ONNX = "onnx"
    TORCH = "torch"


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """The largest image that is decoded: its size in bytes, and its pixels according to its header."""

    max_bytes: int = 25 * 1024 * 1024
    # Enough for a phone's 64 megapixels and its panoramas.
    max_pixels: int = 65_000_000


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """The largest video that is decoded: its bytes, its length, the pixels of a frame, its frames, and the seconds that
    one video may take."""

    max_bytes: int = 1024**3
    max_seconds: int = 3600
    # Enough for 4K.
    max_pixels: int = 4096 * 2304
    # An hour of 60 frames a second.
    max_frames: int = 220_000
    work_seconds: int = 3600


@dataclass(frozen=True, slots=True)
class DetectThresholds:
    """Face probability that a candidate needs to leave P-, R- and O-Net; the values of the MTCNN authors."""

    proposal: float = 0.6
    refine: float = 0.7
    output: float = 0.7


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """``threads`` is the number of cores that one net may use, ``image_seconds`` what one image may take at most.
    ``plugins`` are modules that register outputs and readers of their own, imported before the manifest is read;
    ``models`` are folders with a model each, served beside the weights.
    ``identity`` says whether models whose outputs tell who someone is are in service.
    """

    weights_dir: Path = WEIGHTS_DIR
    backend: Backend = Backend.ONNX
    threads: int = 2
    image_seconds: float = 20.0
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    video: VideoLimits = field(default_factory=VideoLimits)
    thresholds: DetectThresholds = field(default_factory=DetectThresholds)
    plugins: tuple[str, ...] = ()
    models: tuple[Path, ...] = ()
    identity: bool = False
