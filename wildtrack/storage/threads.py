"""Work on many items in threads, in order, without holding them all."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

EACH = 8  # pieces a core, so that none is left waiting for the last one of another


def cores() -> int:
    """How many threads can work at once."""
    return os.cpu_count() or 1


def pieces(items: Sequence[ItemT], most: int) -> list[Sequence[ItemT]]:
    """Cut items up for threads: handing each over by itself costs more than a quick piece of work on it.

    Args:
        items: Any number of them; may be an array.
        most: The most items in a piece, which are fewer where a core would get less than `EACH` pieces.

    Returns:
        The pieces, in order, all but the last of one length.

    Examples:
        >>> pieces("abc", 2)
        ['a', 'b', 'c']
    """
    length = min(most, max(1, len(items) // (EACH * cores())))
    return [items[start : start + length] for start in range(0, len(items), length)]


def in_threads(function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
    """Yield `function(item)` for each item, in order, from one thread a core.

    Only a few results are computed ahead of the one that is taken, so memory stays flat.

    Args:
        function: Thread-safe; what it raises is raised when its result is taken.
        items: Any number of them, taken as they are needed.

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
