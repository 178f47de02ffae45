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
    """Slices of a sequence or array, in order, for `in_threads`: for items that are quicker than handing them over.

    A slice has `most` items, the last one what is left; fewer where a core would get less than `PIECES_PER_CORE`.
    """
    length = min(most, max(1, len(items) // (PIECES_PER_CORE * cores())))
    return [items[start : start + length] for start in range(0, len(items), length)]


def in_threads(function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
    """Yield `function(item)` for each item, in order, from one thread a core; at most two results a core are ahead.

    What the function raises is raised when its result is taken.
    """
    waiting: deque[Future[ResultT]] = deque()
    with ThreadPoolExecutor(cores()) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * cores():
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
