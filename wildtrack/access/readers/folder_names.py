"""Whether the names of folders are those of animals, or of cameras, days, subsets and the like."""

import re
from collections.abc import Sequence

from wildtrack.access.cells import SPLIT_WORDS

_MAKERS = (
    "media|recnx|canon|nikon|msdcf|olymp|_?pana|apple|_?fuji|btcf|gopro|casio|pentx|sanyo|ricoh|image|photo|video|dscim"
)
_WORDS = (
    "dcim images? imgs? photos? pictures? pics? fotos? bilder labels? annotations? masks? segmentations? crops cropped "
    "thumbs thumbnails? previews? raws? originals? edited jpe?g png tiff? videos? frames data dataset metadata animals "
    "empty blanks? people persons? humans? vehicles? no_?animals? sorted unsorted to_?sort inbox todo misc "
    "miscellaneous duplicates? rejected rejects? deleted? trash backup tmp temp new_?folder neuer_?ordner"
).replace(" ", "|")
_SUBSET = (
    "train|training|trainset|trainval|test|testing|testset|val|valid|validation|holdout|eval|evaluation|query|queries|"
    "probe|gallery"
)
_BESIDE = "all|sets?|multi|data|images?|bounding|box|split|part|only|[\\W\\d_]+"
_DATE = r"(?:(?:19|20)\d\d[-_. ](?:0?[1-9]|1[0-2])[-_. ]\d\d?|\d\d?[-_. ]\d\d?[-_. ](?:19|20)\d\d)(?:[-_ T].*)?"
_PLACES = "cam|camera|camera ?trap|cam ?trap|trap|station|site|deployment|location|transect|plot|sd ?card|card"
_CERTAIN = {  # one such folder is enough
    "card folders of cameras": rf"(?i:[1-9]\d\d_?(?:{_MAKERS}))",
    "dates": _DATE,
    "kinds of files, or what is left over": f"(?i:{_WORDS})",
    "WildTrack's own folders": "results|artifacts|exports|sightings",
}
_LIKELY = {  # an animal may be called so: most folders must be
    "cameras or places": rf"(?i:(?:{_PLACES})(?:[ _-]?\d+[a-z]?|[ _-]?[a-z]|[ _-][a-z]{{2}})(?:[ _-].*)?)",
    "card folders of cameras": r"[1-9]\d\d(?=(?:[^A-Z]*[A-Z]){2})[A-Z0-9_]{5}",
    "years or days": r"(?:199\d|20[0-3]\d)(?:[-_]?(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?)?",
    "times": r"(?i:(?:day|week|month|session|visit|season|survey|occasion)[ _-]?\d+)",
    "viewpoints": "(?i:left|right|front|back|rear|top|side|dorsal|ventral|both)",
    "sexes or ages": "(?i:males?|females?|adults?|juveniles?|sub-?adults?|calf|calves|cubs?)",
}


def not_animals(names: Sequence[str]) -> tuple[str, list[str], bool] | None:
    """What names of identity folders look like instead, which of them, and whether that is sure; None for animals."""
    for kind, pattern in _CERTAIN.items():
        if found := [name for name in names if re.fullmatch(pattern, name)]:
            return kind, found, True
    if found := [name for name in names if is_nearly_subset(name)]:
        return "subsets", found, True
    doubts = [(kind, [name for name in names if re.fullmatch(pattern, name)]) for kind, pattern in _LIKELY.items()]
    kind, found = max(doubts, key=lambda doubt: len(doubt[1]))
    return (kind, found, 2 * len(found) > len(names)) if found else None


def is_nearly_subset(name: str) -> bool:
    """Whether a name is made of words such as train and query without being one: "train_all", "Test set", "query2"."""
    made_of = rf"(?:{_BESIDE})*(?:{_SUBSET})(?:{_SUBSET}|{_BESIDE})*"
    return name.casefold() not in SPLIT_WORDS and re.fullmatch(made_of, name.casefold()) is not None
