"""Whether the names of folders are those of animals, or of cameras, days, subsets and the like."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from wildtrack.access.cells import SPLIT_WORDS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MAKERS = _words(
    "media recnx canon nikon msdcf olymp pana apple fuji btcf gopro casio pentx sanyo ricoh image photo video dscim"
)
_FILES = _words(
    "dcim image img photo picture pic foto bilder label annotation mask segmentation crop cropped thumb thumbnail "
    "preview raw original edited jpg jpeg png tiff video frames data dataset metadata animal empty blank people person "
    "human vehicle noanimal sorted unsorted tosort inbox todo misc miscellaneous duplicate rejected reject delete "
    "deleted trash backup tmp temp newfolder neuerordner"
)
_OWN = _words("results artifacts exports sightings")
_SUBSETS = _words(
    "train training trainset trainval test testing testset val valid validation holdout eval evaluation query queries "
    "probe gallery"
)
_BESIDE_SUBSETS = _words("all set sets multi data image images bounding box split part only")
_VIEWPOINTS = _words("left right front back rear top side dorsal ventral both")
_SEXES_AND_AGES = _words("male female adult juvenile subadult calf calves cub")
_DATE = r"(?:(?:19|20)\d\d[-_. ](?:0?[1-9]|1[0-2])[-_. ]\d\d?|\d\d?[-_. ]\d\d?[-_. ](?:19|20)\d\d)(?:[-_ T].*)?"
_YEAR_OR_DAY = r"(?:199\d|20[0-3]\d)(?:[-_]?(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?)?"
_PLACE = r"cam|camera|camera ?trap|cam ?trap|trap|station|site|deployment|location|transect|plot|sd ?card|card"
_PLACE = rf"(?i:(?:{_PLACE})(?:[ _-]?\d+[a-z]?|[ _-]?[a-z]|[ _-][a-z]{{2}})(?:[ _-].*)?)"
_TIME = r"(?i:(?:day|week|month|session|visit|season|survey|occasion)[ _-]?\d+)"


def not_animals(names: Sequence[str]) -> tuple[str, list[str], bool] | None:
    """What names of identity folders look like instead, which of them, and whether that is sure; None for animals."""
    for kind, is_kind in _CERTAIN.items():
        if found := list(filter(is_kind, names)):
            return kind, found, True
    doubts = [(kind, list(filter(is_kind, names))) for kind, is_kind in _LIKELY.items()]
    kind, found = max(doubts, key=lambda doubt: len(doubt[1]))
    return (kind, found, 2 * len(found) > len(names)) if found else None


def is_nearly_subset(name: str) -> bool:
    """Whether a name is made of words such as train and query without being one: "train_all", "Test set", "query2"."""
    words = set(re.findall(r"[^\W\d_]+", name.casefold()))
    made_of_them = words <= _SUBSETS | _BESIDE_SUBSETS and not words.isdisjoint(_SUBSETS)
    return made_of_them and name.casefold() not in SPLIT_WORDS


def some(names: Iterable[str]) -> str:
    """The first three names, for a message."""
    listed = list(names)
    return ", ".join([*listed[:3], "..."] if len(listed) > 3 else listed)


def _is_one_of(words: frozenset[str], name: str) -> bool:
    """Whether a name is a word, in any case, with any blanks or marks, or its plural."""
    plain = re.sub(r"[\W_]+", "", name.casefold())
    return plain in words or plain.removesuffix("s") in words


def _has_form(pattern: str, name: str) -> bool:
    return re.fullmatch(pattern, name) is not None


def _is_card_folder(name: str) -> bool:
    """Whether a camera called a folder so: 100MEDIA, 101_PANA."""
    match = re.fullmatch(r"[1-9]\d\d_{0,2}([a-z]+)", name.casefold())
    return match is not None and match[1] in _MAKERS


def _may_be_card_folder(name: str) -> bool:
    """Whether a name has the form that is agreed on for cameras: 100EK113."""
    match = re.fullmatch(r"[1-9]\d\d([A-Z0-9_]{5})", name)
    return match is not None and sum(map(str.isalpha, match[1])) > 1


_CERTAIN: dict[str, Callable[[str], bool]] = {  # one such folder is enough
    "card folders of cameras": _is_card_folder,
    "dates": partial(_has_form, _DATE),
    "kinds of files, or what is left over": partial(_is_one_of, _FILES),
    "WildTrack's own folders": _OWN.__contains__,
    "subsets": is_nearly_subset,
}
_LIKELY: dict[str, Callable[[str], bool]] = {  # an animal may be called so: most folders must be
    "cameras or places": partial(_has_form, _PLACE),
    "card folders of cameras": _may_be_card_folder,
    "years or days": partial(_has_form, _YEAR_OR_DAY),
    "times": partial(_has_form, _TIME),
    "viewpoints": partial(_is_one_of, _VIEWPOINTS),
    "sexes or ages": partial(_is_one_of, _SEXES_AND_AGES),
}
