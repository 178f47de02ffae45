from pathlib import Path

import pytest

from wildtrack.errors import UserError
from wildtrack.storage.ownership import MARKER, is_as_written, mark_written, refuse_foreign


def test_only_what_was_marked_and_not_changed_since_is_ours(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "Ana größe.csv", tmp_path / "theirs.csv"
    for path in (ours, theirs):
        refuse_foreign(path)  # nothing is there
        path.write_text("a")
        assert not is_as_written(path)
    mark_written(ours)
    assert is_as_written(ours)
    refuse_foreign(ours)
    with pytest.raises(UserError, match=r"theirs\.csv is there already, and is not as WildTrack wrote it"):
        refuse_foreign(theirs)
    ours.write_text("b")
    assert not is_as_written(ours)
    mark_written(ours)
    mark_written(theirs)
    assert is_as_written(ours) and is_as_written(theirs)
    (tmp_path / MARKER).write_bytes(b"\xff\x00")  # a damaged list owns nothing
    assert not is_as_written(ours)
