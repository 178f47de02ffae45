"""Files that belong together, sealed by a manifest and replaced as a whole.

A new set is written to a staging folder, its manifest last; only then are the files moved into place. A crash
before the manifest leaves the old set; a crash after it leaves a complete staging folder, which the next
`open` or `replace` moves into place. So a reader finds the old set or the new one, never a mixture.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from wildtrack.errors import UserError
from wildtrack.storage.files import fsync, sha256, write_text

log = logging.getLogger(__name__)

MAX_MANIFEST_BYTES = 1_000_000


@dataclass(frozen=True)
class SealedSet:
    """Files of one folder that belong together."""

    folder: Path  # which may hold other files too
    manifest_name: str  # of the JSON file with their SHA-256
    staging_name: str  # of the folder inside `folder` in which a new set is prepared
    remedy: str  # how to make the set again; ends the message about a damaged one

    @property
    def staging(self) -> Path:
        """The folder in which a new set is prepared."""
        return self.folder / self.staging_name

    def replace(self, write: Callable[[Path], object], about: dict[str, Any]) -> None:
        """Let `write` fill an empty folder, seal it, and make it the current set; `about` goes into the manifest."""
        self.recover()
        if self.staging.is_dir():
            log.info("Dropping an incomplete save in %s.", self.folder)
            shutil.rmtree(self.staging)
        self.staging.mkdir(parents=True)
        try:
            write(self.staging)
            files = {path.name: sha256(path) for path in sorted(self.staging.iterdir()) if path.is_file()}
            for name in files:
                fsync(self.staging / name)
            write_text(self.staging / self.manifest_name, _Manifest(about, files).text())
        except BaseException:  # a full disk most likely: an incomplete set only takes room
            if _read_manifest(self.staging / self.manifest_name) is None:
                shutil.rmtree(self.staging, ignore_errors=True)
            raise
        fsync(self.staging)
        self._move_into_place()

    def remove(self) -> None:
        """Delete the set, if there is one; the manifest goes first, so that a crash leaves no half set."""
        self.recover()
        manifest = _read_manifest(self.folder / self.manifest_name)
        for name in (self.manifest_name, *(manifest.files if manifest else ())):
            (self.folder / name).unlink(missing_ok=True)

    def add(self, name: str, write: Callable[[Path], object]) -> None:
        """Let `write` fill one file of the set, the others stay as they are."""
        self.open()
        manifest = _read_manifest(self.folder / self.manifest_name)
        if manifest is None:
            raise UserError(f"there is no {self.manifest_name} in {self.folder}; {self.remedy}")

        def write_all(staging: Path) -> None:
            for other in manifest.files.keys() - {name}:
                if (self.folder / other).is_file():
                    shutil.copy2(self.folder / other, staging / other)
            write(staging / name)

        self.replace(write_all, manifest.about)

    def recover(self) -> None:
        """Move a complete staging folder into place; an incomplete one may be another program's save in progress."""
        if _read_manifest(self.staging / self.manifest_name) is not None:
            log.info("Finishing an interrupted save in %s.", self.folder)
            self._move_into_place()

    def open(self) -> dict[str, Any] | None:
        """Check the files against the manifest; what that says "about" the set, None without a manifest.

        An interrupted save is finished first. UserError for what was altered or damaged, but not for what is missing.
        """
        self.recover()
        path = self.folder / self.manifest_name
        if not path.exists():
            return None
        manifest = _read_manifest(path)
        if manifest is None:
            raise UserError(f"{path} is damaged; {self.remedy}")
        for name, digest in manifest.files.items():
            file = self.folder / name
            if file.is_file() and sha256(file) != digest:
                raise UserError(f"{file} is damaged or was altered (its SHA-256 is not the manifest's); {self.remedy}")
        return manifest.about

    def _move_into_place(self) -> None:
        manifest = _read_manifest(self.staging / self.manifest_name)
        if manifest is None:
            raise UserError(f"{self.staging} is damaged; {self.remedy}")
        for name in manifest.files:
            if (self.staging / name).exists():  # else an interrupted move has already put it in place
                (self.staging / name).replace(self.folder / name)
        old = _read_manifest(self.folder / self.manifest_name)
        for name in old.files.keys() - manifest.files.keys() if old else ():
            (self.folder / name).unlink(missing_ok=True)
        (self.staging / self.manifest_name).replace(self.folder / self.manifest_name)
        fsync(self.folder)
        shutil.rmtree(self.staging)


class _Manifest(msgspec.Struct):
    about: dict[str, Any]
    files: dict[str, str]  # name -> SHA-256

    def text(self) -> str:
        """As it is written; a digest of its own content shows damage to the manifest itself."""
        content = {"about": self.about, "files": self.files}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return json.dumps({**content, "digest": digest}, indent=1)


def _read_manifest(path: Path) -> _Manifest | None:
    """The manifest, or None when it is missing, damaged, or names files outside its folder."""
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            return None
        content = path.read_bytes()
        manifest = msgspec.json.decode(content, type=_Manifest)
    except (FileNotFoundError, msgspec.MsgspecError, ValueError, RecursionError):
        return None
    inside = all(Path(each).name == each and each not in ("", "..") and each.isprintable() for each in manifest.files)
    return manifest if inside and content == manifest.text().encode() else None  # every byte counts
