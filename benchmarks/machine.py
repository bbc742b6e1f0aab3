"""Describes the machine of a measurement."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory, and the versions that affect speed."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return {
        "processor": models[0] if models else platform.processor(),
        "vector_units": [
            flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if flag in flags
        ],
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        # The environment may choose another kernel than the processor's best.
        "blas": _blas(),
        **{package: version(package) for package in ("onnxruntime", "numpy", "pillow", "django")},
    }


def _blas() -> str:
    """The library of NumPy's matrix products, and its kernel."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return f"{found[0]['internal_api']} {found[0].get('architecture')}" if found else "unknown"
