"""Photos by their names, which systems write in different cases, with accents coded in different ways."""

import unicodedata
from collections.abc import Iterable
from posixpath import normpath


class PhotoNames:
    """Finds photos by name: as it is written, or else the only one that differs in case or in how accents are coded."""

    def __init__(self, photos: Iterable[str]) -> None:
        self._photos = set(photos)
        self._alike: dict[str, list[str]] = {}
        for photo in self._photos:
            self._alike.setdefault(name_key(photo), []).append(photo)

    def alike(self, name: str) -> list[str]:
        """The photo of this name, or all that differ from it in case only."""
        return [name] if name in self._photos else sorted(self._alike.get(name_key(name), []))

    def find(self, names: Iterable[str]) -> list[str | None]:
        """The photo of each name, None where there is none, or several."""
        return [found[0] if len(found := self.alike(name)) == 1 else None for name in names]


def name_key(name: str) -> str:
    """What all ways of writing the path of a file share."""
    return unicodedata.normalize("NFC", normpath(name.replace("\\", "/"))).casefold()
