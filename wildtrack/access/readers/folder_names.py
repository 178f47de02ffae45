"""Whether the names of folders are those of animals, or of cameras, days, subsets and the like."""

import re
from collections.abc import Callable, Sequence
from functools import partial

from wildtrack.access.cells import SPLIT_WORDS
from wildtrack.access.names import in_plain_words


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILES = _words(
    "dcim image img photo picture pic foto bilder cameraroll screenshot newfolder neuerordner jpegimages label "
    "annotation mask segmentation detection prediction crops cropped thumb thumbnail preview raw original edited "
    "processed checked reviewed verified jpg jpeg png tif tiff video frames data dataset metadata animals models "
    "weights runs upload export sorted duplicate rejected reject delete deleted trash backup tmp temp"
)
_WHOSE = _words("new neue neuer neues old my all best other more final whatsapp #")
_SUBSETS = _words(
    "train training trainset trainval test testing testset val valid validation holdout eval evaluation query queries "
    "probe gallery"
)
_BESIDE_SUBSETS = _words("all set multi data image bounding box split part only #")
_VIEWPOINTS = _words(
    "left right links rechts gauche droit droite izquierdo izquierda derecho derecha front back rear top side dorsal "
    "ventral both"
)
_SEXES_AND_AGES = _words("male female adult juvenile subadult calf calves cub")
_SPECIES = _words(
    "badger bear boar bobcat buffalo coyote deer eland elephant elk fox giraffe hare hyena impala jackal jaguar kudu "
    "leopard lion lynx marten moose nyala ocelot puma rabbit raccoon squirrel tiger warthog wolf zebra reh fuchs dachs "
    "hirsch wildschwein hase luchs"
)
_MAKERS = (
    "media|recnx|canon|nikon|msdcf|olymp|_?pana|apple|_?fuji|btcf|gopro|casio|pentx|sanyo|ricoh|image|photo|video|dscim"
)
_DATE = r"(?:(?:19|20)\d\d[-_. ](?:0?[1-9]|1[0-2])[-_. ]\d\d?|\d\d?[-_. ]\d\d?[-_. ](?:19|20)\d\d)(?:[-_ T].*)?"
_DAY = r"(?:199\d|20[0-3]\d)(?:[-_]?(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?)?"
_CARD = r"(?=.*[A-Z])[1-9]\d\d[A-Z0-9_]{5}|[1-9]\d\d_(?:0[1-9]|1[0-2])[0-3]\d"
_NUMBER = r"(?: ?\d+[a-z]{0,2}| [a-z]{1,2}\d*| (?:north|south|east|west|nord|sud|ost|est|norte|sur|este|oeste))(?: .*)?"
_CAMERA = (  # and makes of them, in many languages: Wildkamera, fotopułapka, cámara
    r"\w*[ck]am[ae]ra|[ck]am|\w*cam trap|ct|\w*trap|trampa|piege|foto\w+|фото\w+|bushnell|browning|reconyx|moultrie"
    r"|spypoint|cuddeback|stealthcam|sd|card|karte"
)
_PLACE = "site|station|estac\\w+|standort|deployments?|dep|loc\\w*|transe[ck]t\\w*|plot|grid|point|punto|sector"
_TIME = (
    "day|dia|week|woche|semaine|semana|month|monat|mois|mes|year|jahr|annee|ano|session|visit|season|saison|survey"
    "|occasion|trip|batch"
)
_SEASON = "spring|summer|autumn|fall|winter|sommer|herbst|printemps|ete|hiver|verano|invierno|otono|(?:wet|dry) season"
_IN_YEAR = (  # months in most languages
    r"jan(?:uar\w?|vier|eiro)?|enero|fe[bv]\w{0,6}|mar(?:ch|s|z|zo|co)?|a[pvb]r(?:il)?|ma[iy]o?|ju(?:ne?|in|nio?|nho)"
    r"|ju(?:ly?|lio?|lho|illet)|aug(?:ust)?|aout|ago(?:sto)?|sep\w{0,7}|set(?:embro)?|o[cku]t(?:ob\w+|ub\w+)?"
    rf"|(?:nov|de[cz]|dic)\w{{0,6}}|{_SEASON}|(?:q|w|kw) ?\d+"
)
_TIMES = (
    rf"(?:{_TIME}){_NUMBER}|{_SEASON}|(?:\d+ )?(?:{_IN_YEAR})(?: \d+)? \d{{4}}|\d{{4}} (?:{_IN_YEAR})(?: \d+)?"
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
    enough = len(names) if kind == "species" else len(names) // 2 + 1  # Bear and Fox are names of dogs
    return (kind, found, len(found) >= enough) if found else None


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
    "viewpoints": partial(_is_made_of, _VIEWPOINTS, _words("side flank seite")),
    "sexes or ages": partial(_is_made_of, _SEXES_AND_AGES, _words("sub")),
    "species": partial(_is_made_of, _SPECIES, _words("red roe wild")),
}
