"""Whether the names of folders are those of animals, or of cameras, days, subsets and the like."""

import re
from collections.abc import Callable, Sequence
from functools import partial

from wildtrack.access.cells import SPLIT_WORDS
from wildtrack.access.names import describes, in_plain_words


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILES = _words(
    "dcim image img photo picture pic foto bilder cameraroll screenshot newfolder neuerordner jpegimages label "
    "annotation mask segmentation detection prediction crops cropped thumb thumbnail preview raw original edited "
    "processed checked reviewed verified jpg jpeg png tif tiff video frames data dataset metadata animals models "
    "weights runs upload export sorted duplicate rejected reject delete deleted trash backup tmp temp"
)
_WHOSE = _words("day night new neue neuer neues old my all best other more final whatsapp #")
_SUBSETS = _words(
    "train training trainset trainval test testing testset val valid validation holdout eval evaluation query queries "
    "probe gallery"
)
_BESIDE_SUBSETS = _words("all set multi data image bounding box split part only #")
_SPECIES = _words(
    "antelope ape badger bat bear beaver bird boar bobcat buffalo bull cat cattle cheetah chimp cow coyote deer dog "
    "dolphin eland elephant elk fish fox frog giraffe goat gorilla hare hippo horse hyena impala jackal jaguar kudu "
    "kuh lemur leopard lion lizard lynx marten monkey moose newt nyala ocelot orangutan otter owl panda penguin pig "
    "pony puma rabbit raccoon ray rhino salamander seal shark sheep snake squirrel tiger toad tortoise turtle warthog "
    "whale wildebeest wolf zebra reh fuchs dachs hirsch wildschwein hase luchs"
)
_ANIMAL = _words("animal individual ind id identity nr num number tag band ring collar chip pit male female adult calf")
_MAKERS = (
    "media|recnx|canon|nikon|msdcf|olymp|_?pana|apple|_?fuji|btcf|gopro|casio|pentx|sanyo|ricoh|image|photo|video|dscim"
)
_DATE = r"(?:(?:19|20)\d\d[-_. ](?:0?[1-9]|1[0-2])[-_. ]\d\d?|\d\d?[-_. ]\d\d?[-_. ](?:19|20)\d\d)(?:[-_ T].*)?"
_DAY = r"(?:199\d|20[0-3]\d)(?:[-_.]?(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12]\d|3[01])(?:[-_ ].+)?)?)?"
_CARD = r"(?=.*[A-Z])[1-9]\d\d[A-Z0-9_]{5}|[1-9]\d\d_(?:0[1-9]|1[0-2])[0-3]\d"
_NUMBER = r"(?: ?\d+[a-z]{0,2}| [a-z]{1,2}\d*| (?:north|south|east|west|nord|sud|ost|est|norte|sur|este|oeste))(?: .*)?"
_CAMERA = (  # and makes of them, in many languages: Wildkamera, fotopułapka, cámara
    r"(?:\w+ )?\w*(?:[ck]am[ae]ra|trap)s?|(?:\w+ )?[ck]am|ct|trampa|piege|foto\w+|фото\w+|bushnell|browning|reconyx"
    r"|moultrie|spypoint|cuddeback|sd|card|karte"
)
_PLACE = "site|station|estac\\w+|standort|deployments?|dep|loc\\w*|transe[ck]t\\w*|plot|grid|point|punto|sector"
_TIME = (
    "day|dia|week|woche|semaine|semana|month|monat|mois|mes|year|jahr|annee|ano|session|visit|season|saison|survey"
    "|occasion|trip|batch"
)
_WEEKDAY = (
    "(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch"
    "|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche|lunes|martes|miercoles|jueves|viernes|sabado|domingo"
)
_SEASON = "spring|summer|autumn|fall|winter|sommer|herbst|printemps|ete|hiver|verano|invierno|otono|(?:wet|dry) season"
_MONTH = (  # in most languages
    r"jan(?:uar\w?|vier|eiro)?|enero|fe[bv]\w{0,6}|mar(?:ch|s|z|zo|co)?|a[pvb]r(?:il)?|ma[iy]o?|ju(?:ne?|in|nio?|nho)"
    r"|ju(?:ly?|lio?|lho|illet)|aug(?:ust)?|aout|ago(?:sto)?|sep\w{0,7}|set(?:embro)?|o[cku]t(?:ob\w+|ub\w+)?"
    r"|(?:nov|de[cz]|dic)\w{0,6}"
)
_IN_YEAR = rf"{_MONTH}|{_SEASON}|(?:q|w|kw) ?\d+"
_TIMES = (
    rf"(?:{_TIME}){_NUMBER}|(?:wet|dry) season|(?:\d+ )?(?:{_IN_YEAR})(?: \d+)? \d{{4}}(?: \d\d)?"
    rf"|\d{{4}} (?:{_IN_YEAR})(?: \d+)?|(?:19|20)\d\d \d\d"
    r"|[0-3]\d [01]\d \d\d|\d\d [01]\d [0-3]\d|(?:19|20)\d\d (?:19|20)\d\d"
)


def not_animals(names: Sequence[str]) -> tuple[str, list[str], bool] | None:
    """What names of identity folders look like instead, which of them, and whether that is sure; None for animals."""
    for kind, is_kind in _CERTAIN.items():
        if found := [name for name in names if is_kind(name)]:
            return kind, found, True
    doubts = [(kind, [name for name in names if is_kind(name)]) for kind, is_kind in _LIKELY.items()]
    kind, found = max(doubts, key=lambda doubt: len(doubt[1]))
    if kind == "years or days" and any(name.isdecimal() for name in names if name not in found):
        return None  # they are numbers as well
    if not found and len(names) > 1 and is_series(names):
        return "parts of a series", list(names), False
    if kind in _IF_ALL and len(found) < max(2, len(names)):
        return None
    return (kind, found, 2 * len(found) > len(names)) if found else None


def is_series(names: Sequence[str]) -> bool:
    """Whether all are one word with numbers or letters, and it is no word for animals: Revier 3, Revier 4."""
    found = [re.fullmatch(r"(\D*[a-z]{3,}) ?(?:\d+|\b[a-z])", in_plain_words(name)) for name in names]
    stems = {match[1].split()[-1].removesuffix("s") for match in found if match}
    return all(found) and len(stems) == 1 and stems.isdisjoint(_SPECIES | _ANIMAL)


def is_nearly_subset(name: str) -> bool:
    """Whether a name is made of words such as train and query without being one: "train_all", "Test set", "query2"."""
    apart = re.sub(r"(\d+)", r" \1 ", name)
    return name.casefold() not in SPLIT_WORDS and _is_made_of(_SUBSETS, _BESIDE_SUBSETS, apart)


def _is_made_of(words: frozenset[str], beside: frozenset[str], name: str) -> bool:
    """Whether a name consists of words of a kind, or their plurals, and words that may stand beside; # is a number."""
    parts = ["#" if part.isdecimal() else part for part in in_plain_words(name).split()]
    found = {part if part in words | beside else part.removesuffix("s") for part in parts}
    return "".join(parts) in words or (found <= words | beside and not found.isdisjoint(words))


def _is_written(pattern: str, name: str) -> bool:
    return re.fullmatch(pattern, name) is not None


def _is_in_words(pattern: str, name: str) -> bool:
    return re.fullmatch(pattern, in_plain_words(name)) is not None


_CERTAIN: dict[str, Callable[[str], bool]] = {  # one such folder is enough
    "card folders of cameras": partial(_is_written, rf"(?i:[1-9]\d\d_?(?:{_MAKERS}))"),
    "dates": partial(_is_written, _DATE),
    "WildTrack's own folders": partial(_is_written, "results|artifacts|exports|sightings"),
    "kinds of files, or what is left over": partial(_is_made_of, _FILES, _WHOSE),
    "subsets": is_nearly_subset,
}
_LIKELY: dict[str, Callable[[str], bool]] = {  # an animal may be called so: most folders must be
    "card folders of cameras": partial(_is_written, _CARD),
    "years or days": partial(_is_written, _DAY),
    "cameras or places": partial(_is_in_words, f"(?:{_CAMERA}|{_PLACE}){_NUMBER}"),
    "times": partial(_is_in_words, _TIMES),
    "viewpoints, parts, sexes or ages": describes,
    "species": partial(_is_made_of, _SPECIES, _words("red roe wild")),
    "months, weekdays or seasons": partial(_is_in_words, f"{_MONTH}|{_WEEKDAY}|{_SEASON}"),
}
_IF_ALL = ("species", "months, weekdays or seasons")  # animals are called Bear, April or Summer
