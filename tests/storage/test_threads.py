import itertools
import threading

import pytest

from wildtrack.storage.threads import PIECES_PER_CORE, in_threads, pieces


def test_results_come_in_order_from_other_threads_and_errors_where_they_are_taken() -> None:
    assert list(in_threads(lambda number: number * 2, range(100))) == list(range(0, 200, 2))
    assert threading.get_ident() not in set(in_threads(lambda _: threading.get_ident(), range(20)))
    results = in_threads(lambda number: 1 // number, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_only_a_few_items_are_taken_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    taken = itertools.count()
    results = in_threads(lambda number: number, taken)
    assert [next(results) for _ in range(3)] == [0, 1, 2] and next(taken) <= 8
    results.close()  # type: ignore[attr-defined]


P = PIECES_PER_CORE


@pytest.mark.parametrize(
    ("count", "most", "length"), [(0, 8, 0), (1, 8, 1), (5, 1, 1), (2 * P - 1, 8, 1), (6 * P, 8, 3), (100 * P, 8, 8)]
)
def test_pieces_are_in_order_and_enough_for_all_cores(
    monkeypatch: pytest.MonkeyPatch, count: int, most: int, length: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    cut = pieces(range(count), most)
    assert [item for piece in cut for item in piece] == list(range(count))
    assert {len(piece) for piece in cut[:-1]} <= {length}
    assert len(cut) >= min(count, 2 * PIECES_PER_CORE)
