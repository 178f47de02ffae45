"""Work on many items in threads, in order, without holding them all."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def in_threads(function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
    """Yield `function(item)` for each item, in order, from one thread a core.

    Only a few results are computed ahead of the one that is taken, so memory stays flat.

    Args:
        function: Thread-safe; what it raises is raised when its result is taken.
        items: Any number of them, taken as they are needed.

    Yields:
        The results.

    Example:
        >>> list(in_threads(abs, [3, -2, 1]))
        [3, 2, 1]
    """
    workers = os.cpu_count() or 1
    waiting: deque[Future[ResultT]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
