"""What is written in a cell or in a folder's name: a word for "nobody", nothing, one of several spellings of a name."""

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress

_EMPTY = frozenset({"", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "nat", "none", "null", "unknown", "-", "--", "?"})

_ANYBODY = (  # "unknown" in words that may be followed by others: unknown adult, unidentified zebra
    r"un(?:knowns?|knwn|kn?|id|ident\w*|recogni[sz]\w*|named|assigned|matched|marked|tagged|labell?ed|determined|defined"
    r"|bek|bekannt\w*)|in(?:determin\w*|defin\w*|det|connu\w*)|descon(?:oc|hec)id[oa]s?|sconosciut[oi]|onbekende?|okand|ukjent"
    r"|ukendt|tuntematon|nieznan\w*|neznam\w*|неизвестн\w*|неопознан\w*|未知|不明"
)
_NOT = r"(?:no|not|non|nicht|niet|nao|sin|sem|ohne|sans|senza|pas|kein\w*|geen|aucun\w*|ning\w+|can ?t|cannot)"
_NOT_NAMED = (  # not identified, sin nombre, kein Tier
    rf"{_NOT} (?:de )?(?:ids?|(?:ge)?ident\w*|nam\w+|naam|nom\w*|animal\w*|tier\w*|individ\w*|match\w*|known|be?kan?n?t"
    r"|sure|tell|recogni\w*|erkannt|tag\w*|mark\w*|assigned|determin\w*|clear|in catalog\w*)(?: .*)?"
)
_NOBODY = re.compile(
    rf"(?:[^\W_]{{2,}} )?(?:{_ANYBODY})(?: [^\W\d_]{{2,}})*|{_NOT_NAMED}|no ?(?:id|name|match)"
    "|nil|keine|geen|ohne|aucune?|nobody|tb[acd]|to be (?:determined|identified|named|assigned)"
    "|new (?:individual|whale|animal)|empty|blanks?|leer|vide|vacio|vazio|leeg|missing|pending|false triggers?"
    "|people|persons?|humans?|vehicles?"
    "|unsorted|to ?sort|to ?do|inbox|others?|sonstiges?|misc|miscellaneous|various|mixed|multiple|several"
)
_SHORT = re.compile(r"(?i:n/[a-z]|s/n|n\. ?[abd]\.?|n\.v\.t\.?)|k\. ?[aA]\.?|-\d+(?:\.0)?")  # N/D, k.A., -1
_PERHAPS = re.compile(  # provisional numbers, and words that say that something is not
    rf"(?:{_ANYBODY})(?: ?\d| ).*|(?:new|un) ?\d+|new|animals?|individuals?|x{{2,}}|{_NOT}(?: [^\W\d_]{{3,}})+"
    r"|9{3,}|test|stranger|fraglich|nadie|none given"
    r"|un\w*(?:ed|[ai]ble|annt|immt|bar|lar|ear|sure|certain)|ninguno|ninguna|nenhum|nessuno|ambiguous"
    r"|illegible|blurr\w*|(?:bad|poor) (?:photo|quality|image)"
)
_NO_SPECIES = re.compile(  # what annotations tell of an animal besides
    "left|right|links|rechts|gauche|droite?|izquierd[ao]|derech[ao]|front(?:al)?|back|rear|top|lateral|both|sides?"
    "|head|face|body|flank|tail|flukes?|flippers?|fins?|dorsal|ventral|ears?|legs?|horns?|males?|females?|adults?|subadults?|juveniles?|calf|cubs?|foals?|young|animals?|individuals?|mammals?|objects?|unknown|unidentified"
)
_LOOK_ALIKE = str.maketrans("АВЕКМНОРСТУХасеорухі", "ABEKMHOPCTYXaceopyxi")  # Cyrillic -> Latin


def is_empty(cell: object) -> bool:
    """Whether a cell says in some way that nothing is known: "", NA, None, [nan, nan, nan, nan]."""
    text = str(cell).strip().casefold()
    return text in _EMPTY or _EMPTY.issuperset(re.split(r"[\s,;]+", text.strip("[]() ")))


def is_nobody(name: str) -> bool:
    """Whether a name unmistakably stands for no animal: ____, NA, unidentified, new_individual, -1."""
    words = in_plain_words(name)
    if not words:  # an emoji is a name, marks and invisible characters are none
        return all(letter.isascii() or unicodedata.category(letter)[0] in "PZC" for letter in name)
    is_none = name.casefold().rstrip(".") in _EMPTY or _NOBODY.fullmatch(words) or _SHORT.fullmatch(name)
    return name != "Nan" and bool(is_none)


def may_be_nobody(name: str) -> bool:
    """Whether a name may stand for no animal, or may be one's: unknown_1, new, ID?."""
    words = in_plain_words(name)
    return ("?" in name and len(words) < 3) or bool(_PERHAPS.fullmatch(words)) or describes(name)


def describes(name: str) -> bool:
    """Whether a name only says what any animal may be or have: left, adult female, head."""
    words = in_plain_words(name)
    return re.fullmatch("[a-z ]+", words) is not None and not species(words)


def names_in(name: str) -> list[str]:
    """The parts of a name that may be those of several animals on one photo: Klara/Emil, Klara + calf."""
    parts = re.split(r"\s*[/&+,;|]\s*|\s+(?:and|or|und|oder|et|ou|y|e|en)\s+", name)
    return [part for part in parts if part]


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of those given, in which * stands for anything."""
    texts = (re.escape(unicodedata.normalize("NFC", pattern)).replace(r"\*", ".*") for pattern in patterns)
    return any(re.fullmatch(text, name) for text in texts)


def spelling(name: str) -> str:
    """What the spellings of one name share, whatever their case, spaces, hyphens, invisible characters and coding.

    A spreadsheet makes 12 or 12.0 of 012; a doubt ("cf. Klara", "Klara (?)") is no other name.
    """
    text = re.sub(r"^(\d+)\.0$", r"\1", legible(name).casefold())
    text = re.sub(r"(?<![\d.,])0+(?=\d)|\b(?:cf|poss|possibly|prob|probably|likely|maybe)\b", "", text)
    text = re.sub(r"[?'\"’`´#()\[\]]", "", text)
    text = re.sub(r"[\s_\-–—.]+", " ", text).strip()
    return re.sub(r"(?<!\d) | (?!\d)", "", text) or name  # 1-2 is not 12


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
    """A name as a message shows it, in one line; characters that look like others, or like nothing, are named."""
    odd = dict.fromkeys(letter for letter in name if legible(letter) != letter) if legible(name) != name else {}
    text = re.sub(r"\s", " ", name)
    return f"{text} [{', '.join(unicodedata.name(letter, 'no letter').lower() for letter in odd)}]" if odd else text


def in_plain_words(name: str) -> str:
    """A name in lower case without accents, anything but letters and numbers being spaces: NoID and no_id are one."""
    parted = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    plain = "".join(letter for letter in parted if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", " ", plain.casefold()).strip()
