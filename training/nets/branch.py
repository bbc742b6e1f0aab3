"""The branches of the served attribute net, on top of dlib's face-recognition ResNet."""

from pathlib import Path

from safetensors.torch import load
from torch import Tensor, nn

from cv.engine.errors import ModelNotReady
from cv.engine.labels import Attribute
from cv.engine.manifest import WeightsFile, read_manifest
from cv.engine.nets.attribute_net import BRANCHES, Branch
from training.nets.dlib_weights import pretrained_face_resnet


def build_branch(name: str, outputs: tuple[Attribute, ...], dropout: float) -> Branch:
    """The branch with random weights. Raises ValueError if its heads are not the ``outputs``."""
    if outputs != BRANCHES[name]:
        raise ValueError(f"the net {name} answers {', '.join(BRANCHES[name])}, not {', '.join(outputs)}")
    return Branch(name, dropout)


def start_from_dlib(net: nn.Module) -> str:
    """Loads dlib's trunk into the branch; returns its description. Raises FileNotFoundError without its package."""
    assert isinstance(net, Branch)
    net.start_from(pretrained_face_resnet()[0])
    return "dlib's face-recognition ResNet"


def published_file(weights_dir: Path) -> WeightsFile:
    """The attribute weights as PyTorch reads them. Raises ModelNotReady."""
    file = read_manifest(weights_dir).default.files.tensors
    if file is None:
        raise ModelNotReady("the attribute model has no tensors in the manifest")
    return file


def read_published(weights_dir: Path, name: str) -> dict[str, Tensor]:
    """Reads one branch of the published attribute weights, stored in half precision. Raises ModelNotReady."""
    prefix = f"branches.{name}."
    state = load(published_file(weights_dir).read())
    return {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}
