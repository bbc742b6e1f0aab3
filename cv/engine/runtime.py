"""One engine a process, loaded at the first call and shared by all threads."""

import threading
from functools import cache

from cv.engine.attributes import Describer
from cv.engine.config import EngineConfig
from cv.engine.detect import Detector
from cv.engine.pipeline import Engine
from cv.engine.sessions import load_nets
from cv.engine.weights import read_manifest

_loading = threading.Lock()
_CASCADE = ("pnet", "rnet", "onet")


def get_engine(config: EngineConfig) -> Engine:
    """The process's engine for this configuration. Raises ModelNotReady where weights are missing or changed."""
    with _loading:
        return _load(config)


def load_detector(config: EngineConfig) -> Detector:
    """The cascade alone, as the engine has it; training cuts its chips with it. Raises ModelNotReady."""
    nets = load_nets(read_manifest(config.weights_dir), config, _CASCADE)
    return Detector(nets["pnet"], nets["rnet"], nets["onet"], config.thresholds)


@cache
def _load(config: EngineConfig) -> Engine:
    manifest = read_manifest(config.weights_dir)
    net = load_nets(manifest, config, ["attributes"])["attributes"]
    return Engine(
        detector=load_detector(config),
        describer=Describer(net, manifest.calibration),
        limits=config.limits,
        card=manifest.card,
    )
