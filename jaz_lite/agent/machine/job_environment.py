"""The environment that jobs start from: the agent's own, without what the agent's packaging left in it.

Source: portability.md section 5 (measured: a frozen agent's library path made jobs load the agent's libcrypto).
"""

import os
import sys
from collections.abc import Mapping

_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "LIBPATH", "SHLIB_PATH")
_PACKAGING = ("_PYI_", "_MEIPASS")
_OURS = ("JAZ_LITE_DATA",)


def cleaned(environment: Mapping[str, str], bundle: str | None) -> dict[str, str]:
    """Return `environment` as jobs should see it.

    Args:
        bundle: the folder of a frozen program, None when run from source.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(_PACKAGING) and name not in _OURS and not name.endswith("_PATH_ORIG")
    }
    for name in _LIBRARY_PATHS:
        original = environment.get(name + "_ORIG")
        if original is not None:
            kept[name] = original
            kept.pop(name + "_ORIG", None)
        elif bundle is not None and kept.get(name, "").split(":")[0] == bundle:
            del kept[name]
    return kept


def job_environment() -> dict[str, str]:
    """Return the environment of this process as jobs should see it; undecodable bytes are kept as surrogates."""
    if sys.platform == "win32":
        return cleaned(os.environ, getattr(sys, "_MEIPASS", None))
    environment = {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
        for name, value in os.environb.items()
    }
    return cleaned(environment, getattr(sys, "_MEIPASS", None))
