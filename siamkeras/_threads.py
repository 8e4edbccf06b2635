"""NumPy on all cores."""

import os
from concurrent.futures import ThreadPoolExecutor

from threadpoolctl import threadpool_limits


def cores():
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_parts(function, parts):
    """`[function(part) for part in parts]`, each part in a thread whose matrix products use no further threads."""
    if len(parts) == 1 or cores() == 1:
        return list(map(function, parts))
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(function, parts))
