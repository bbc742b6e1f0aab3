"""One engine a process, loaded at the first call and shared by all threads."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from cv.engine.catalog import read_catalog
from cv.engine.check import FaceCheck
from cv.engine.config import EngineConfig
from cv.engine.detect import Detector
from cv.engine.manifest import read_manifest
from cv.engine.outputs import DEFAULT_OUTPUTS
from cv.engine.pipeline import Engine
from cv.engine.quality import QualityJudge
from cv.engine.readers.loading import lazy_portrait, lazy_readers
from cv.engine.sessions import load_net

if TYPE_CHECKING:
    from torch import Tensor, nn

_loading = threading.Lock()
_CASCADE = ("pnet", "rnet", "onet")
# glibc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD in bytes: the largest allowed value, and a photo of 40 megapixels.
_MALLOC_OPTIONS = {-3: 32 * 2**20, -1: 128 * 2**20}


def get_engine(config: EngineConfig) -> Engine:
    """The process's engine for this configuration, with the models of the default outputs loaded and the files of all
    others checked. Raises ModelNotReady if a plugin, the manifest or weights are missing, changed or do not fit."""
    with _loading:
        return _load(config)


def load_detector(config: EngineConfig) -> Detector:
    """The engine's detector alone, with which training cuts its chips. Raises ModelNotReady."""
    # Its nets are too small for several cores per call: each call uses one core, and several calls run at once.
    one_core = replace(config, threads=1)
    files = read_manifest(config.weights_dir).detector
    proposal, refine, output = (load_net(files[name], one_core, partial(_cascade_net, name)) for name in _CASCADE)
    spread = map if config.threads == 1 else ThreadPoolExecutor(config.threads, "detect").map
    return Detector(proposal, refine, output, config.thresholds, spread)


def _cascade_net(name: str, state: Mapping[str, Tensor]) -> tuple[nn.Module, dict[str, int]]:
    from cv.engine.nets.mtcnn import ONet, PNet, RNet

    net = {"pnet": PNet, "rnet": RNet, "onet": ONet}[name]()
    net.load_state_dict(state)
    return net, {}


@cache
def _load(config: EngineConfig) -> Engine:
    _keep_freed_memory()
    catalog = read_catalog(config)
    readers = lazy_readers(catalog, config)
    detector = load_detector(config)
    for reader in readers:
        if reader.gives.intersection(DEFAULT_OUTPUTS):
            reader.load()
        else:
            reader.check()
    portrait = lazy_portrait(catalog, config)
    if portrait is not None:
        portrait.check()
    manifest = catalog.manifest
    return Engine(
        detector=detector,
        readers=readers,
        limits=config.limits,
        default=manifest.default,
        judge=QualityJudge.load(manifest.quality, config),
        check=FaceCheck.load(manifest.check, config) if manifest.check else None,
        portrait=portrait,
    )


def _keep_freed_memory() -> None:
    """Makes the C library keep the memory of one photo for the next one.

    By default it returns megabytes to the kernel and gets them back page by page: on a virtual machine this takes 13 ms
    for a photo of 2 megapixels, as much as decoding it. Other C libraries lack this option, or keep memory anyway.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        for option, size in _MALLOC_OPTIONS.items():
            mallopt(option, size)
