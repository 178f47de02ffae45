"""What is written in a cell or in a folder's name: a word for "nobody", nothing, one of several spellings of a name."""

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress

EMPTY = frozenset({"", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "nat", "none", "null", "unknown", "-", "--", "?"})

_ANYBODY = (  # "unknown" in words that may be followed by others: unknown adult, unidentified zebra
    "unknowns?|unknwn|unk|unkn|unid|unident|unidentif(?:ied|iable)|unrecogni[sz](?:ed|able)|not identif(?:ied|iable)"
    "|indet|indeterminate|undetermined|unbekannt|inconnue?s?|desconocid[oa]s?|desconhecid[oa]s?|sconosciut[oi]|onbekend"
)
_NOBODY = re.compile(
    rf"(?:{_ANYBODY})(?: [^\W\d_]{{2,}})*|na|n a|nan|none|null|nobody|undefined|unassigned|unnamed|unmatched"
    "|unlabell?ed|no ?(?:id|name|match|identity|individual)|not (?:known|assigned|named|matched)|tbd|tba"
    "|to be (?:determined|identified|named|assigned)|new (?:individual|whale|animal)"
)
_PERHAPS = re.compile(  # provisional numbers, and words for a heap of photos
    rf"(?:{_ANYBODY}|new|un) ?\d+|(?:{_ANYBODY}) [^\W\d_]|new|others?|misc|miscellaneous|various|mixed"
    "|multiple|several|animals?|individuals?|unsure|uncertain|unclear|unsorted|to sort|todo|x{2,}"
)
_NO_SPECIES = re.compile(  # what annotations tell of an animal besides
    "left|right|front|back|rear|head|face|body|flank|side|tail|flukes?|flippers?|fins?|dorsal|ears?|legs?|horns?|males?"
    "|females?|adults?|subadults?|juveniles?|calf|cubs?|foals?|young|animals?|individuals?|objects?|unknown|unidentified"
)
_LOOK_ALIKE = str.maketrans("АВЕКМНОРСТУХасеорухі", "ABEKMHOPCTYXaceopyxi")  # Cyrillic -> Latin


def is_empty(cell: object) -> bool:
    """Whether a cell says in some way that nothing is known: "", NA, None, [nan, nan, nan, nan]."""
    text = str(cell).strip().casefold()
    return text in EMPTY or (text[0] in "[(" and EMPTY.issuperset(re.split(r"[\s,;]+", text.strip("[]() "))))


def is_nobody(name: str) -> bool:
    """Whether a name unmistakably stands for no animal: ____, NA, unidentified, new_individual, -1."""
    words = _words(name)
    if not words:  # an emoji is a name, marks and invisible characters are none
        return all(letter.isascii() or unicodedata.category(letter)[0] in "PZC" for letter in name)
    return name != "Nan" and bool(_NOBODY.fullmatch(words) or re.fullmatch(r"-\d+(\.0)?", name))


def may_be_nobody(name: str) -> bool:
    """Whether a name may stand for no animal, or may be one's: unknown_1, new, other."""
    return _PERHAPS.fullmatch(_words(name)) is not None


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of those given, in which * stands for anything."""
    texts = (re.escape(unicodedata.normalize("NFC", pattern)).replace(r"\*", ".*") for pattern in patterns)
    return any(re.fullmatch(text, name) for text in texts)


def spelling(name: str) -> str:
    """What the spellings of one name share, whatever their case, spaces, hyphens, invisible characters and coding."""
    text = legible(name).casefold()
    text = re.sub(r"[\s_\-–—.]+", " ", text).strip()
    return re.sub(r"(?<!\d) | (?!\d)|[?'’`´]", "", text)  # 1-2 is not 12


def viewpoint(word: str) -> str:
    """What the words for one viewpoint share: Left, left, L, left side."""
    text = re.sub(r"(?:handside|hand|hs|side|flank)$", "", spelling(word))
    return {"l": "left", "r": "right"}.get(text, text)


def species(words: str) -> frozenset[str]:
    """The words that tell a species from another, with no order: plains zebra, zebra_plains+head. Empty: none of it."""
    found = re.findall(r"[^\W\d_]+", words.partition("+")[0].casefold())
    return frozenset(word for word in found if not _NO_SPECIES.fullmatch(word))


def legible(name: str) -> str:
    """A name in its plainest characters: no invisible ones, one kind of hyphen, no letters that look like others."""
    with suppress(UnicodeError):  # UTF-8 that was read as cp1252: ZoÃ«
        name = name.encode("cp1252").decode("utf-8")
    text = unicodedata.normalize("NFKC", name)
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    latin = text.translate(_LOOK_ALIKE)
    return re.sub(r"[‐‑‒−]", "-", latin if latin.isascii() else text)


def shown(name: str) -> str:
    """A name as a message shows it: with codes where two spellings would look the same."""
    return name if unicodedata.normalize("NFC", legible(name)) == name else ascii(name)[1:-1]


def _words(name: str) -> str:
    """A name in lower case, anything but letters and numbers being spaces."""
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()
