import logging
from pathlib import Path

import pytest

from wildtrack.access.catalogue import problem_table
from wildtrack.access.problems import report_problems

A, B = ("a, b.jpg", "no such file"), ("c.jpg", 'name "x" is odd')


@pytest.mark.parametrize(
    ("tables", "written", "said"),
    [
        ([[]], "", None),
        ([[A]], '"a, b.jpg",no such file\n', "rows: 1, all listed in"),
        ([[A], [], [B]], '"a, b.jpg",no such file\nc.jpg,"name ""x"" is odd"\n', "the first: a, b.jpg: no such file"),
    ],
)
def test_report(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    tables: list[list[tuple[str, str]]],
    written: str,
    said: str | None,
) -> None:
    caplog.set_level(logging.INFO)
    target = tmp_path / "problems.csv"
    target.write_text("an old list")
    report_problems(target, *map(problem_table, tables))
    assert target.read_text(encoding="utf-8") == f"path,reason\n{written}"
    assert caplog.messages == [] if said is None else said in caplog.text
    assert len(caplog.messages) <= 1
