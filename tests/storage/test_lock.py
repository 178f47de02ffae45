import os
import subprocess
import sys
from pathlib import Path

import pytest

from wildtrack.errors import UserError
from wildtrack.storage.lock import locked

HOLD = """
import sys
from pathlib import Path
from wildtrack.storage.lock import locked
with locked(Path(sys.argv[1]), "training"):
    print("holds", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_another_process_is_refused_until_the_first_ends_however_it_does(tmp_path: Path, end: str) -> None:
    folder = tmp_path / "new" / "artifacts"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline().strip() == b"holds"
        with (
            pytest.raises(UserError, match=r"another training is at work in .*artifacts; wait") as error,
            locked(folder, "training"),
        ):
            pass
        assert "\n" not in str(error.value)
        with locked(folder, "build of the index", ".lock-index"), locked(tmp_path, "training"):
            pass  # other work, another folder
        if end == "kill":
            process.kill()
        process.stdin.close()
        process.wait()
    with locked(folder, "training"):
        pass


def test_an_error_releases_it_and_a_file_that_is_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("12345")  # of a dead process
    with pytest.raises(ValueError, match="mine"), locked(tmp_path, "training"):
        raise ValueError("mine")
    with locked(tmp_path, "training"), pytest.raises(UserError, match="another training"), locked(tmp_path, "training"):
        pass
    assert not any(tmp_path.iterdir())


def test_a_folder_that_was_made_for_the_lock_only_goes_again(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no photos"), locked(tmp_path / "results/compare", "comparison"):
        raise UserError("no photos")
    assert not (tmp_path / "results").exists()
    with locked(tmp_path / "results/compare", "comparison"):
        (tmp_path / "results/other.txt").write_text("kept")
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["other.txt"]
