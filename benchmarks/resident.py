"""What a benchmark has taken of the memory."""

import os
import sys


def peak_memory() -> float | None:
    """The most memory this process has taken so far, in GB; None on Windows, which cannot say."""
    if os.name == "nt":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
