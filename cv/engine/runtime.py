"""One engine a process, loaded at the first call and shared by all threads."""

import ctypes
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
# glibc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD in bytes: the largest it takes, and a photo of 40 megapixels.
_MALLOC_OPTIONS = {-3: 32 * 2**20, -1: 128 * 2**20}


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
    _keep_freed_memory()
    manifest = read_manifest(config.weights_dir)
    detector = load_detector(config)
    net = load_nets(manifest, config, ["attributes"])["attributes"]
    return Engine(
        detector=detector,
        describer=Describer(net, manifest.calibration),
        limits=config.limits,
        card=manifest.card,
    )


def _keep_freed_memory() -> None:
    """Has the C library keep what one photo used for the next one.

    It would give megabytes back to the kernel and fetch them again page by page: on a virtual machine 13 ms for a photo
    of 2 megapixels, as much as decoding it. Other C libraries have no such option, or keep it anyway.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        for option, size in _MALLOC_OPTIONS.items():
            mallopt(option, size)
