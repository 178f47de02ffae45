"""Work on many items in threads; results come in order, a few at a time."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

PIECES_PER_CORE = 8  # so that no core waits long for the last piece of another


def cores() -> int:
    """The number of threads that can work at once."""
    return os.cpu_count() or 1


def pieces(items: Sequence[ItemT], most: int) -> list[Sequence[ItemT]]:
    """Slices of a sequence or array, in order, all but the last of one length, for `in_threads`.

    For work on an item that is quicker than handing it to a thread. A slice has `most` items, fewer where a core would
    get less than `PIECES_PER_CORE` slices.

    Examples:
        >>> pieces("abc", 2)
        ['a', 'b', 'c']
    """
    length = min(most, max(1, len(items) // (PIECES_PER_CORE * cores())))
    return [items[start : start + length] for start in range(0, len(items), length)]


def in_threads(function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
    """Yield `function(item)` for each item, in order, from one thread a core.

    What the function raises is raised when its result is taken. Items are taken as they are needed, and at most two
    results a core are computed ahead, so memory stays flat.

    Examples:
        >>> list(in_threads(abs, [3, -2, 1]))
        [3, 2, 1]
    """
    workers = cores()
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
