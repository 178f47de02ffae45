import logging
from pathlib import Path

import pytest

from wildtrack.access.catalogue import problem_table
from wildtrack.access.problems import report_problems

A, B = ("a, b.jpg", "no such file"), ("c.jpg", 'name "x" is odd')


def test_report(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    target = tmp_path / "problems.csv"
    report_problems(target, *map(problem_table, ([A], [], [B])))
    expected = 'path,reason\n"a, b.jpg",no such file\nc.jpg,"name ""x"" is odd"\n'
    assert target.read_text(encoding="utf-8") == expected
    (message,) = caplog.messages
    assert "rows: 2, all listed in" in message and "the first: a, b.jpg: no such file" in message
    report_problems(target, problem_table([]))
    assert target.read_text(encoding="utf-8") == "path,reason\n" and len(caplog.messages) == 1
