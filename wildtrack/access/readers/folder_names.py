"""Whether the names of folders are those of animals, or of cameras, days, subsets and the like."""

import re
from collections.abc import Sequence

from wildtrack.access.cells import SPLIT_WORDS
from wildtrack.access.names import in_plain_words

_MAKERS = (
    "media|recnx|canon|nikon|msdcf|olymp|_?pana|apple|_?fuji|btcf|gopro|casio|pentx|sanyo|ricoh|image|photo|video|dscim"
)
_FILES = (
    "dcim|images?|imgs?|photos?|pictures?|pics?|fotos?|bilder|camera roll|screenshots?|new folder|neuer ordner"
    "|jpegimages|labels?|annotations?|masks?|segmentations?|detections?|predictions?|crops|cropped|thumbs|thumbnails?|previews?|raws?"
    "|originals?|edited|processed|checked|reviewed|verified|jpe?gs?|png|tiff?|videos?|frames|data|dataset|metadata"
    "|animals|models|weights|runs|uploads?|exports?|sorted|duplicates?|rejected|rejects?|deleted?|trash|backup|tmp|temp"
)
_WHOSE = r"new|neue[rs]?|old|my|all|best|other|more|final|whatsapp|\d+"
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
    "years or days": r"(?:199\d|20[0-3]\d)(?:[-_]?(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?)?",
}
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
_SPECIES = (
    "badger|bear|boar|bobcat|buffalo|coyote|deer|eland|elephant|elk|fox|giraffe|hare|hyena|impala|jackal|jaguar|kudu|"
    "leopard|lion|lynx|marten|moose|nyala|ocelot|puma|rabbit|raccoon|squirrel|tiger|warthog|wolf|zebra|reh|fuchs|dachs|"
    "hirsch|wildschwein|hase|luchs"
)
_LIKELY_WORDS = {  # the same
    "cameras or places": f"(?:{_CAMERA}|{_PLACE}){_NUMBER}",
    "times": rf"(?:{_TIME}){_NUMBER}|{_SEASON}|(?:\d+ )?(?:{_IN_YEAR})(?: \d+)? \d{{4}}|\d{{4}} (?:{_IN_YEAR})(?: \d+)?"
    r"|[0-3]\d [01]\d \d\d|\d\d [01]\d [0-3]\d|(?:19|20)\d\d (?:19|20)\d\d",
    "viewpoints": "(?:left|right|links|rechts|gauche|droite?|izquierd[ao]|derech[ao]|front|back|rear|top|side|dorsal"
    "|ventral|both)(?: (?:sides?|flank|seite))?",
    "sexes or ages": "males?|females?|adults?|juveniles?|sub-?adults?|calf|calves|cubs?",
    "species": f"(?:red |roe |wild )?(?:{_SPECIES})s?",
}


def not_animals(names: Sequence[str]) -> tuple[str, list[str], bool] | None:
    """What names of identity folders look like instead, which of them, and whether that is sure; None for animals."""
    for patterns, written in ((_CERTAIN, str), (_CERTAIN_WORDS, in_plain_words)):
        for kind, pattern in patterns.items():
            if found := [name for name in names if re.fullmatch(pattern, written(name))]:
                return kind, found, True
    if found := [name for name in names if is_nearly_subset(name)]:
        return "subsets", found, True
    doubts = [
        (kind, [name for name in names if re.fullmatch(pattern, written(name))])
        for patterns, written in ((_LIKELY, str), (_LIKELY_WORDS, in_plain_words))
        for kind, pattern in patterns.items()
    ]
    kind, found = max(doubts, key=lambda doubt: len(doubt[1]))
    if kind == "years or days" and any(name.isdecimal() for name in names if name not in found):
        return None  # they are numbers as well
    enough = len(names) if kind == "species" else len(names) // 2 + 1  # Bear and Fox are names of dogs
    return (kind, found, len(found) >= enough) if found else None


def is_nearly_subset(name: str) -> bool:
    """Whether a name is made of words such as train and query without being one: "train_all", "Test set", "query2"."""
    made_of = rf"(?:{_BESIDE})*(?:{_SUBSET})(?:{_SUBSET}|{_BESIDE})*"
    return name.casefold() not in SPLIT_WORDS and re.fullmatch(made_of, name.casefold()) is not None
