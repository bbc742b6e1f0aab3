"""One engine a process, loaded at the first call and shared by all threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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
    # Its nets are too small to share one call among cores: each call takes one, and several run at once.
    nets = load_nets(read_manifest(config.weights_dir), replace(config, threads=1), _CASCADE)
    spread = map if config.threads == 1 else ThreadPoolExecutor(config.threads, "detect").map
    return Detector(nets["pnet"], nets["rnet"], nets["onet"], config.thresholds, spread)


@cache
def _load(config: EngineConfig) -> Engine:
    manifest = read_manifest(config.weights_dir)
    detector = load_detector(config)
    net = load_nets(manifest, config, ["attributes"])["attributes"]
    return Engine(
        detector=detector,
        describer=Describer(net, manifest.calibration),
        limits=config.limits,
        card=manifest.card,
    )
