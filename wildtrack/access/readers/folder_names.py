"""Whether the names of folders are those of animals, or of cameras, days, subsets and the like."""

import re
from collections.abc import Iterable, Sequence

from wildtrack.access.cells import SPLIT_WORDS
from wildtrack.access.names import describes, in_plain_words

_MAKERS = (
    "media|recnx|canon|nikon|msdcf|olymp|_?pana|apple|_?fuji|btcf|gopro|casio|pentx|sanyo|ricoh|image|photo|video|dscim"
)
_FILES = (
    "dcim|images?|imgs?|photos?|pictures?|pics?|fotos?|bilder|camera roll|screenshots?|new folder|neuer ordner"
    "|jpegimages|labels?|annotations?|masks?|segmentations?|detections?|predictions?|crops|cropped|thumbs|thumbnails?|previews?|raws?"
    "|originals?|edited|processed|checked|reviewed|verified|jpe?gs?|png|tiff?|videos?|frames|data|dataset|metadata"
    "|animals|models|weights|runs|uploads?|exports?|sorted|duplicates?|rejected|rejects?|deleted?|trash|backup|tmp|temp"
)
_WHOSE = r"day|night|new|neue[rs]?|old|my|all|best|other|more|final|whatsapp|\d+"
_SUBSET = (
    "train|training|trainset|trainval|test|testing|testset|val|valid|validation|holdout|eval|evaluation|query|queries|"
    "probe|gallery"
)
_BESIDE = "all|sets?|multi|data|images?|bounding|box|split|part|only|[\\W\\d_]+"
_DATE = r"(?:(?:19|20)\d\d[-_. ](?:0?[1-9]|1[0-2])[-_. ]\d\d?|\d\d?[-_. ]\d\d?[-_. ](?:19|20)\d\d)(?:[-_ T].*)?"
_CERTAIN = {  # one such folder is enough
    "card folders of cameras": rf"(?i:[1-9]\d\d_?(?:{_MAKERS}))",
    "dates": _DATE,
    "WildTrack's own folders": "results|artifacts|exports|sightings",
}
_CERTAIN_WORDS = {
    "kinds of files, or what is left over": f"(?:(?:{_WHOSE}) )*(?:{_FILES})(?: (?:{_FILES}|{_WHOSE}))*",
}
_LIKELY = {  # an animal may be called so: most folders must be
    "card folders of cameras": r"(?=.*[A-Z])[1-9]\d\d[A-Z0-9_]{5}|[1-9]\d\d_(?:0[1-9]|1[0-2])[0-3]\d",
    "years or days": r"(?:199\d|20[0-3]\d)(?:[-_.]?(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12]\d|3[01])(?:[-_ ].+)?)?)?",
}
_NUMBER = r"(?: ?\d+[a-z]{0,2}| [a-z]{1,2}\d*| (?:north|south|east|west|nord|sud|ost|est|norte|sur|este|oeste))(?: .*)?"
_CAMERA = (  # and makes of them, in many languages: Wildkamera, fotopułapka, cámara
    r"(?:\w+ )?\w*(?:[ck]am[ae]ra|trap)s?|(?:\w+ )?[ck]am|ct|trampa|piege|foto\w+|фото\w+|bushnell|browning|reconyx"
    r"|moultrie|spypoint|cuddeback|sd|card|karte"
)
_PLACE = r"site|station|estac\w+|standort|deployments?|dep|loc\w*|transe[ck]t\w*|plot|grid|point|punto|sector"
_TIME = (
    "day|dia|week|woche|semaine|semana|month|monat|mois|mes|year|jahr|annee|ano|session|visit|season|saison|survey"
    "|occasion|trip|batch"
)
_SEASON = "spring|summer|autumn|fall|winter|sommer|herbst|printemps|ete|hiver|verano|invierno|otono|(?:wet|dry) season"
_MONTH = (  # in most languages
    r"jan(?:uar\w?|vier|eiro)?|enero|fe[bv]\w{0,6}|mar(?:ch|s|z|zo|co)?|a[pvb]r(?:il)?|ma[iy]o?|ju(?:ne?|in|ni|nio|nho)"
    r"|ju(?:ly?|li|lio|lho|illet)|aug(?:ust)?|aout|ago(?:sto)?|sep\w{0,7}|set(?:embro)?|o[cku]t(?:ob\w+|ub\w+)?"
    r"|(?:nov|de[cz]|dic)\w{0,6}"
)
_IN_YEAR = rf"{_MONTH}|{_SEASON}|(?:q|w|kw) ?\d+"
_SPECIES = (
    "antelope|ape|badger|bat|bear|beaver|bird|boar|bobcat|buffalo|bull|calf|cat|cattle|cheetah|chimp|cow|coyote|deer"
    "|dog|dolphin|eland|elephant|elk|fish|fox|frog|giraffe|goat|gorilla|hare|hippo|horse|hyena|impala|jackal|jaguar|kudu"
    "|kuh|lemur|leopard|lion|lizard|lynx|marten|monkey|moose|newt|nyala|ocelot|orangutan|otter|owl|panda|penguin|pig"
    "|pony|puma|rabbit|raccoon|ray|rhino|salamander|seal|shark|sheep|snake|squirrel|tiger|toad|tortoise|turtle|warthog"
    "|whale|wildebeest|wolf|zebra|reh|fuchs|dachs|hirsch|wildschwein|hase|luchs"
)
_ANIMAL = "animals?|individuals?|ind|ids?|identity|nr|num|number|tag|band|ring|collar|chip|pit|male|female|adult"
_LIKELY_WORDS = {  # the same
    "cameras or places": f"(?:{_CAMERA}|{_PLACE}){_NUMBER}",
    "times": rf"(?:{_TIME}){_NUMBER}|(?:wet|dry) season|(?:\d+ )?(?:{_IN_YEAR})(?: \d+)? \d{{4}}(?: \d\d)?"
    rf"|\d{{4}} (?:{_IN_YEAR})(?: \d+)?|[0-3]\d [01]\d \d\d|\d\d [01]\d [0-3]\d|(?:19|20)\d\d (?:19|20)\d\d",
}
_IF_ALL = {  # animals are called Bear, April or Summer: all folders must be
    "species": f"(?:red |roe |wild )?(?:{_SPECIES})s?",
    "months or seasons": f"{_MONTH}|{_SEASON}",
}


def not_animals(names: Sequence[str]) -> tuple[str, list[str], bool] | None:
    """What names of identity folders look like instead, which of them, and whether that is sure; None for animals."""
    plain = {name: in_plain_words(name) for name in names}
    for patterns, written in ((_CERTAIN, {name: name for name in names}), (_CERTAIN_WORDS, plain)):
        for kind, pattern in patterns.items():
            if found := [name for name in names if re.fullmatch(pattern, written[name])]:
                return kind, found, True
    if found := [name for name in names if is_nearly_subset(name)]:
        return "subsets", found, True
    for kind, pattern in _IF_ALL.items():
        if len(names) > 1 and all(re.fullmatch(pattern, word) for word in plain.values()):
            return kind, list(names), True
    doubts = {kind: [name for name in names if re.fullmatch(pattern, name)] for kind, pattern in _LIKELY.items()}
    doubts |= {
        kind: [name for name in names if re.fullmatch(pattern, plain[name])] for kind, pattern in _LIKELY_WORDS.items()
    }
    doubts["viewpoints, parts, sexes or ages"] = [name for name in names if describes(name)]
    kind, found = max(doubts.items(), key=lambda doubt: len(doubt[1]))
    if kind == "years or days" and any(name.isdecimal() for name in names if name not in found):
        return None  # they are numbers as well
    if not found and len(names) > 1 and _numbered(list(plain.values())):
        return "parts of a series", list(names), False
    return (kind, found, 2 * len(found) > len(names)) if found else None


def _numbered(words: Sequence[str]) -> bool:
    """Whether all are one word with numbers or letters, and it is no word for animals: Revier 3, Revier 4."""
    found = [re.fullmatch(r"(\D*[a-z]{3,}) ?(?:\d+|\b[a-z])", word) for word in words]
    stems = {match[1] for match in found if match}
    return all(found) and len(stems) == 1 and not re.fullmatch(f"(?:.* )?(?:{_SPECIES}|{_ANIMAL})s?", stems.pop())


def is_nearly_subset(name: str) -> bool:
    """Whether a name is made of words such as train and query without being one: "train_all", "Test set", "query2"."""
    made_of = rf"(?:{_BESIDE})*(?:{_SUBSET})(?:{_SUBSET}|{_BESIDE})*"
    return name.casefold() not in SPLIT_WORDS and re.fullmatch(made_of, name.casefold()) is not None


def some(names: Iterable[str]) -> str:
    """The first three names, for a message."""
    listed = list(names)
    return ", ".join(listed[:3]) + ", ..." * (len(listed) > 3)
