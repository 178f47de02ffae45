import threading
import time

import pytest

from wildtrack.parallel import in_threads


def test_results_come_in_order() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * 2

    assert list(in_threads(slow_first, range(50))) == list(range(0, 100, 2))


def test_nothing_in_nothing_out() -> None:
    assert list(in_threads(str, [])) == []


def test_only_a_few_are_taken_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    items = iter(range(100))
    assert next(in_threads(str, items)) == "0"
    assert next(items) == 5


def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(in_threads(int, ["1", "x"]))


def test_it_is_threads_that_work() -> None:
    names = set(in_threads(lambda _: threading.current_thread().name, range(20)))
    assert threading.main_thread().name not in names
