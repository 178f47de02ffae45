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
    """Cut items into pieces for `in_threads`, where work on one item is quicker than handing it to a thread.

    Args:
        items: A sequence or an array.
        most: The most items in a piece; fewer where a core would get less than `PIECES_PER_CORE` pieces.

    Returns:
        Slices of the items, in order, all but the last of one length.

    Examples:
        >>> pieces("abc", 2)
        ['a', 'b', 'c']
    """
    length = min(most, max(1, len(items) // (PIECES_PER_CORE * cores())))
    return [items[start : start + length] for start in range(0, len(items), length)]


def in_threads(function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
    """Yield `function(item)` for each item, in order, from one thread a core.

    At most two results a core are computed ahead of the one that is taken, so memory stays flat.

    Args:
        function: Thread-safe; what it raises is raised when its result is taken.
        items: Taken as they are needed, so there may be any number.

    Yields:
        The results.

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
