"""What a figure was computed with: versions, processor, BLAS. Results agree bit for bit only where these do."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("outlay", "numpy", "pyarrow")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that figures depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, str]:
    """The processor, and the BLAS with the kernels that it chose for it."""
    return {"cpu": cpu(), "blas": blas(), "cores": str(os.cpu_count() or 1), "system": platform.system()}


def cpu() -> str:
    """The processor's name as the operating system gives it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model", "Hardware")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def blas() -> str:
    """Name, version and kernel architecture of NumPy's BLAS."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    for pool in threadpool_info():
        if pool.get("user_api") == "blas":
            parts = (pool.get("internal_api"), pool.get("version"), pool.get("architecture"))
            return " ".join(str(part) for part in parts if part)
    return "unknown"
