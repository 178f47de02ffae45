"""Work for several threads that comes back in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def in_threads(function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
    """Apply a function in parallel, a few items ahead of the one that is taken, so that memory stays flat.

    Args:
        function: thread-safe.
        items: what it is called with, taken as needed.

    Yields:
        Its results, in the order of the items.
    """
    workers = os.cpu_count() or 1
    waiting: deque[Future[ResultT]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
