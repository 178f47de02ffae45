import hashlib
import json
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from wildtrack.errors import UserError
from wildtrack.storage import sealed
from wildtrack.storage.sealed import SealedSet

NAMES = ("a.txt", "b.txt", "c.txt")


class CrashError(BaseException):
    """Nothing may catch it."""


def pull_the_plug(*_: object, **__: object) -> None:
    raise CrashError


def files_in(folder: Path) -> SealedSet:
    return SealedSet(folder, "manifest.json", ".staging", "make it again")


def write(version: str) -> Any:
    def fill(staging: Path) -> None:
        for name in NAMES:
            (staging / name).write_text(f"{version} {name}")

    return fill


def content(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in NAMES}


def expected(version: str) -> dict[str, str]:
    return {name: f"{version} {name}" for name in NAMES}


def test_round_trip_and_replacement(tmp_path: Path) -> None:
    files = files_in(tmp_path / "deep" / "set")
    assert files.open() is None
    with pytest.raises(UserError, match=r"no manifest\.json .* make it again"):
        files.add("a.txt", lambda path: path.touch())
    for version in ("old", "new"):
        files.replace(write(version), {"version": version})
        assert files.open() == {"version": version} and content(files.folder) == expected(version)
        assert not files.staging.exists()


@pytest.mark.parametrize("crash", [False, True])
def test_a_smaller_set_leaves_nothing_of_a_larger_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash: bool
) -> None:
    files = files_in(tmp_path)
    files.replace(write("old"), {})
    (tmp_path / "not of the set.txt").touch()
    with monkeypatch.context() as patch:
        if crash:
            patch.setattr(Path, "unlink", pull_the_plug)
        with pytest.raises(CrashError) if crash else nullcontext():
            files.replace(lambda staging: (staging / "a.txt").touch(), {})
    files.open()
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "manifest.json", "not of the set.txt"}


def test_a_crash_at_any_step_leaves_the_old_set_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = ["mkdir", "replace", "fsync", "write_text", "rmtree"]
    outcomes = []
    for step in range(100):
        folder = tmp_path / str(step)
        files = files_in(folder)
        files.replace(write("old"), {"version": "old"})
        countdown = [step]

        def counted(function: Any, countdown: list[int] = countdown) -> Any:
            def call(*args: Any, **options: Any) -> Any:
                if countdown[0] == 0:
                    raise CrashError
                countdown[0] -= 1
                return function(*args, **options)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(Path, "mkdir", counted(Path.mkdir))
            patch.setattr(Path, "replace", counted(Path.replace))
            patch.setattr(Path, "write_bytes", counted(Path.write_bytes))
            for name in ("fsync", "write_text"):
                patch.setattr(sealed, name, counted(getattr(sealed, name)))
            patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
            try:
                files.replace(write("new"), {"version": "new"})
                finished = True
            except CrashError:
                finished = False
        about = files.open()
        assert about is not None and content(folder) == expected(about["version"])
        assert not (files.staging / files.manifest_name).exists()  # an incomplete one waits for the next save
        outcomes.append(about["version"])
        if finished:
            break
    assert finished and len(outcomes) > len(steps)
    assert outcomes == sorted(outcomes, reverse=True) and set(outcomes) == {"old", "new"}  # old, old, ..., new, new


def test_a_failing_writer_leaves_the_old_set(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.replace(write("old"), {})

    def fail(staging: Path) -> None:
        (staging / "a.txt").write_text("half")
        raise UserError("cannot")

    with pytest.raises(UserError, match="cannot"):
        files.replace(fail, {})
    files.open()
    assert content(tmp_path) == expected("old")


def test_any_flipped_bit_in_the_manifest_is_noticed(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.replace(write("old"), {"version": "öld"})
    manifest = tmp_path / "manifest.json"
    whole = manifest.read_bytes()
    for position in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << position % 8
        manifest.write_bytes(damaged)
        with pytest.raises(UserError, match="is damaged"):
            files.open()
    manifest.write_bytes(whole.replace(b"\n", b""))  # the same to JSON
    with pytest.raises(UserError, match="is damaged"):
        files.open()


def sealed_text(manifest: Any) -> str:
    """A manifest with a right digest, whatever it says."""
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    return json.dumps({**manifest, "digest": digest}, indent=1)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", "1", "\0", "{" * 9, "[" * 200_000, '{"digest": 1}', '"a"'),
        " " * (sealed.MAX_MANIFEST_BYTES + 1),
        sealed_text({"about": {}, "files": ["a.txt"]}),
        sealed_text({"about": {}, "files": {"a\0": "b"}}),
        sealed_text({"about": {}}),
        sealed_text({"files": {}}),
        sealed_text({"about": 3, "files": {}}),
    ],
    ids=lambda text: text[:20],
)
def test_a_damaged_manifest_is_refused_and_counts_as_none_once_removed(tmp_path: Path, text: str) -> None:
    files = files_in(tmp_path)
    files.replace(write("old"), {})
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UserError, match="is damaged"):
        files.open()
    files.remove()
    assert files.open() is None


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_bit_in_a_file_is_noticed_and_a_removed_set_is_gone(tmp_path: Path, name: str) -> None:
    files = files_in(tmp_path)
    files.remove()  # there is none yet
    files.replace(write("old"), {})
    (tmp_path / "mine.txt").write_text("stays")
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(UserError, match=rf"{name} is damaged or was altered .* make it again"):
        files.open()
    files.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["../victim", "/etc/passwd", "sub/file", "..", ".", "", "a/../b"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    folder = tmp_path / "set"
    (folder / ".staging").mkdir(parents=True)
    forged = sealed_text({"about": {}, "files": {name: "0" * 64}})
    (folder / "manifest.json").write_text(forged)
    with pytest.raises(UserError, match="is damaged"):
        files_in(folder).open()
    (folder / ".staging/manifest.json").write_text(forged)
    files_in(folder).recover()
    assert victim.read_text() == "untouched"


def test_add_renews_one_file_and_keeps_the_others(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.replace(write("old"), {"version": "old"})
    (tmp_path / "b.txt").unlink()
    (tmp_path / "stranger.txt").write_text("mine")
    for name in ("b.txt", "d.txt"):
        files.add(name, lambda path: path.write_text("added"))
    assert files.open() == {"version": "old"}
    assert [(tmp_path / name).read_text() for name in ("a.txt", "b.txt", "c.txt", "d.txt")] == [
        "old a.txt", "added", "old c.txt", "added"
    ]  # fmt: skip
    assert (tmp_path / "stranger.txt").read_text() == "mine"
