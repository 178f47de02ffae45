from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wildtrack.access.catalogue import Catalogue, assemble
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.names import is_nobody, may_be_nobody, shown, spelling, viewpoint
from wildtrack.access.reading import ReadConfig

A, B = "0d9f8b7a-6c5d-4e3f-a2b1-c0d1e2f3a4b5", "9b8a7c6d-5e4f-4a3b-b2c1-d0e1f2a3b4c5"

NOBODY = [
    *("____", "NA", "N/A", "n.a.", "nan", "NaN", "None", "null", "<NA>", "#N/A", "?", "-", "--", "...", "-1", "\u200b"),
    *("unidentified", "unidentified_individual", "Unidentifiable", "UNID", "unk", "UNKNOWN", "unknown?", "(unknown)"),
    *("Unknown adult", "unknown_female", "unidentified zebra", "not identified", "no_id", "NoID", "__undefined__"),
    *("new_individual", "new_whale", "TBD", "to be identified", "unnamed", "unbekannt", "inconnue", "desconocido"),
    *("nicht identifiziert", "non identifié", "sin nombre", "não identificado", "niet geïdentificeerd", "kein Tier"),
    *("ohne Namen", "okänd", "неизвестно", "未知", "k.A.", "N/D", "S/N", "NOID", "NotIdentified", "can't tell"),
    *("unmarked", "00_unknown", "leopard unidentified", "Empty", "(blank)", "vacío", "misc", "other", "unsorted"),
]
PERHAPS = [
    "unknown_1",
    "999",
    "Test",
    "fraglich",
    "UNK-003",
    "unknown A",
    "new",
    "New 1",
    "unsure",
    "ID?",
    "?1",
    "xx",
    "animal",
]
PERHAPS += [
    "Unknown-2023-05-01",
    "unk leopard m",
    "sin datos",
    "not recorded",
    "unbestimmt",
    "adult male",
    "blurry",
    "calf",
]
ANIMALS = [
    *("7", "007", "012", "0", "z1", "NA1", "N1", "UM1", "X", "CamA", "Nan", "Nana", "Una", "Una 1", "Newton", "Nobby"),
    *("Nora", "Ana", "Othello", "Nonea", "Zoë", "🐘", "★", "Мамонт", "998230000006455", "nyala_001", "Unkas"),
    *("Sem", "Nemo", "Leerdam", "Missy", "Notch", "No. 5", "NO-12", "Unity", "Undine", "Kleiner Nomade", "Mixi"),
    *("Unwin", "Sinbad", "NoNo", "K.A.", "J.R.", "Uni", "Notus", "Male 1", "Tom & Jerry", "A/1", "Person 1", "000"),
]


def catalogue(root: Path, config: ReadConfig | None = None, /, **columns: Any) -> Catalogue:
    """A catalogue of one photo for each identity."""
    count = len(next(iter(columns.values())))
    for row in range(count):
        (root / f"{row}.jpg").touch()
    rows = {"image_id": range(count), "path": [f"{row}.jpg" for row in range(count)]}
    return assemble("a test", root, pd.DataFrame(rows | columns, dtype=object), [], config or ReadConfig())


def names(found: Catalogue) -> list[str]:
    return list(found.table["identity"])


@pytest.mark.parametrize("name", NOBODY)
def test_a_word_for_nobody_is_unknown_and_said_unless_an_animal_is_called_so(tmp_path: Path, name: str) -> None:
    assert is_nobody(name)
    found = catalogue(tmp_path, identity=[name, "Ana"])
    assert names(found) == [UNKNOWN, "Ana"] and "(1 photo unlabelled)" in found.understood
    if name.casefold() != UNKNOWN:  # which is the catalogue's own word
        assert f"read as unknown: {shown(name)} (1)" in found.understood and "--animals" in found.understood
        kept = catalogue(tmp_path, ReadConfig(animals=(name,)), identity=[name, "Ana"])
        assert names(kept) == [name, "Ana"] and "read as" not in kept.understood


@pytest.mark.parametrize("name", PERHAPS)
def test_a_name_that_may_be_nobodys_is_an_animals_and_said(tmp_path: Path, name: str) -> None:
    assert may_be_nobody(name) and not is_nobody(name)
    found = catalogue(tmp_path, identity=[name, "Ana"])
    assert names(found) == [name, "Ana"] and f"names read as animals: {name} (1)" in found.understood
    assert names(catalogue(tmp_path, ReadConfig(nobody=(name[:3] + "*",)), identity=[name, "Ana"])) == [UNKNOWN, "Ana"]
    assert "read as" not in catalogue(tmp_path, ReadConfig(animals=(name,)), identity=[name, "Ana"]).understood


@pytest.mark.parametrize("name", ANIMALS)
def test_a_name_is_kept_without_a_word(tmp_path: Path, name: str) -> None:
    found = catalogue(tmp_path, identity=[name, "Berta"])
    assert names(found) == [name, "Berta"]
    assert found.understood == "a test: 2 photos of 2 identities"


@pytest.mark.parametrize(
    "spellings",
    [
        *(["TZ-173", "tz-173"], ["TZ-173", "TZ 173"], ["TZ-173", "TZ173"], ["TZ-173", "TZ_173"], ["TZ-173", "TZ–173"]),
        *(["TZ-173", "TZ\u2011173"], ["TZ-173", "TZ\u200b-173"], ["TZ 173", "TZ\u00a0173"], ["TZ-173", "ТZ-173"]),
        *(["Zoë", "ZoÃ«"], ["Zoë", "ZOË"], ["O'Neil", "O’Neil"], ["Klara", "Klara?"], ["1-2", "1_2"], ["A  1", "a 1"]),
        *(["012", "12"], ["7", "7.0"], ["Klara", "Klara (?)"], ["Klara", "cf. Klara"], ["7", "#7"], ["Tom", "[Tom]"]),
    ],
)
def test_spellings_are_said_and_merged_on_request(tmp_path: Path, spellings: list[str]) -> None:
    written = [spellings[1], *spellings[:1] * 2, "Other 1"]
    found = catalogue(tmp_path, identity=written)
    assert names(found) == written
    said = f"perhaps 1 animal spelt in several ways: {spellings[0]} (2), {shown(spellings[1])} (1) (if so: --spellings"
    assert said in found.understood
    merged = catalogue(tmp_path, ReadConfig(spellings="merge"), identity=written)
    assert names(merged) == [spellings[0]] * 3 + ["Other 1"] and "spelt" not in merged.understood


def test_characters_that_look_like_others_are_named(tmp_path: Path) -> None:
    said = catalogue(tmp_path, identity=["TZ-173", "TZ\u2011173", "T\u200bZ-173", "Bo\nB", "bo b"]).understood
    assert "TZ\u2011173 [non-breaking hyphen] (1), T\u200bZ-173 [zero width space] (1)" in said
    assert "Bo B (1), bo b (1)" in said


@pytest.mark.parametrize(
    "different",
    [["1-2", "12"], ["A1-1", "A11"], ["7", "70"], ["1.05", "1.5"], ["Zoe", "Zoë"], ["TZ-173", "TZ-17"], ["z1", "z10"]],
)
def test_names_that_are_not_spellings_of_one(tmp_path: Path, different: list[str]) -> None:
    assert spelling(different[0]) != spelling(different[1])
    assert "spelt" not in catalogue(tmp_path, ReadConfig(spellings="merge"), identity=different).understood


@pytest.mark.parametrize("name", ["Ana/Bo", "Ana & Bo", "Ana, Bo", "Ana + calf", "Bo and Ana", "Ana|Bo", "Ana or Bo"])
def test_a_name_that_may_be_of_several_animals_is_said(tmp_path: Path, name: str) -> None:
    found = catalogue(tmp_path, identity=["Ana", name])
    assert names(found) == ["Ana", name] and f"may be of several animals, read as one: {name} (1)" in found.understood
    assert "several" not in catalogue(tmp_path, ReadConfig(animals=(name,)), identity=["Ana", name]).understood
    assert "several" not in catalogue(tmp_path, identity=["Anabel", name]).understood


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["left", "left", "Left", "L", "left side", "unknown", "NA", ""], ["left"] * 5 + [None] * 3),
        (["R", "right", "RIGHT", "right", "front-left", "frontleft"], ["right"] * 4 + ["front-left"] * 2),
        (["L", "R", "L"], ["L", "R", "L"]),  # alone they stay as they are
        (["Left", "Right"], ["Left", "Right"]),
        (["top", "unknown"], ["top", None]),
    ],
)
def test_one_word_for_a_viewpoint(tmp_path: Path, words: list[str], expected: list[str | None]) -> None:
    found = catalogue(tmp_path, identity=["Ana"] * len(words), orientation=words).table["orientation"].astype(object)
    assert found.where(found.notna(), None).tolist() == expected
    assert viewpoint("L") == viewpoint("left flank") != viewpoint("R")


@pytest.mark.parametrize(
    ("identity", "keys", "expected", "said"),
    [
        (["Tala", "Tala", "Tala"], [A, B, A], ["Tala (0d9f8b7a)", "Tala (9b8a7c6d)", "Tala (0d9f8b7a)"], "2 animals"),
        ([None, None, "NA"], [A, A, B], [A, A, B], ""),
        (["Tala", "Talla", "Tala"], [A, A, A], ["Tala"] * 3, "have one individual_uuid"),
        (["Tala", "Tala", "Tala"], [A, B, None], ["Tala (0d9f8b7a)", "Tala (9b8a7c6d)", UNKNOWN], "2 animals"),
        (["Tala", "Tala", None], [A, None, None], ["Tala", "Tala", UNKNOWN], ""),
        (["Tala", "tala", "Emil"], [A, A, B], ["Tala", "Tala", "Emil"], "have one"),
    ],
)
def test_a_key_tells_animals_of_one_name_apart(
    tmp_path: Path, identity: list[Any], keys: list[Any], expected: list[str], said: str
) -> None:
    found = catalogue(tmp_path, identity=identity, individual_uuid=keys)
    assert names(found) == expected and said in found.understood and "individual_uuid" not in found.table
    if UNKNOWN in expected and "Tala" in identity[2:]:
        assert "this row has no individual_uuid" in found.problems["reason"].iloc[0]


@pytest.mark.parametrize(
    ("species", "expected"),
    [
        (["zebra", "zebra", "nyala", "nyala"], ["1 (zebra)", "1 (zebra)", "1 (nyala)", "1 (nyala)"]),
        (["zebra", "nyala", "", "nyala"], ["1 (zebra)", "1 (nyala)", UNKNOWN, "1 (nyala)"]),
        (["zebra", "plains zebra", "nyala", "zebra"], ["1 (plains zebra)"] * 2 + ["1 (nyala)", "1 (plains zebra)"]),
        (["zebra", "Zebra", "", "NA"], ["1"] * 4),
        (["zebra_plains", "plains zebra", "zebra", "zebra+head"], ["1"] * 4),
        (["head", "flipper", "turtle", "turtle"], ["1"] * 4),  # parts of it
        (["zebra left", "zebra right", "zebra", "unknown"], ["1"] * 4),
    ],
)
def test_a_name_of_two_species_is_two_animals(tmp_path: Path, species: list[str], expected: list[str]) -> None:
    found = catalogue(tmp_path, identity=["1"] * 4, species=species)
    assert names(found) == expected
    assert ("1 name is given to several species" in found.understood) == (expected[0] != "1")
    assert names(catalogue(tmp_path, ReadConfig(animals=("1",)), identity=["1"] * 4, species=species)) == ["1"] * 4


def test_parts_of_an_animal_on_one_photo_are_no_species(tmp_path: Path) -> None:
    paths = ["0.jpg", "0.jpg", "1.jpg"]
    found = catalogue(tmp_path, identity=["1"] * 3, species=["carapace", "plastron", "plastron"], path=paths)
    assert names(found) == ["1"] * 3 and found.problems.empty


def test_two_species_at_one_waterhole_are_still_two(tmp_path: Path) -> None:
    columns = {"identity": ["1", "1", "2", "2", "3", "3"], "species": ["zebra", "nyala"] * 3}
    found = catalogue(tmp_path, **columns, path=["0.jpg", "0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"])
    assert found.table["identity"].nunique() == 6 and "3 names are given to several species" in found.understood


def test_numbers_of_two_seasons(tmp_path: Path) -> None:
    """Two tables, one below the other, whose numbers begin at 1 in each."""
    dates = ["2023-05-01", "2023-05-02", "2024-05-01", "2024-05-02"]
    found = catalogue(tmp_path, image_id=["1", "2"] * 2, photo_id=["1", "2"] * 2, identity=list("abcd"), date=dates)
    assert found.table["image_id"].tolist() == ["1", "2", "1 (2.jpg)", "2 (3.jpg)"]
    assert found.table["photo_id"].nunique() == 4
    crops = catalogue(tmp_path, image_id=list("12"), photo_id=["x", "x"], identity=list("ab"), date=dates[:1] * 2)
    assert crops.table["photo_id"].tolist() == ["x", "x"] and crops.problems.empty


def test_two_animals_of_one_photo_keep_their_rows(tmp_path: Path) -> None:
    found = catalogue(tmp_path, image_id=["p"] * 3, identity=["Ana", "Berta", "Ana"], path=["0.jpg"] * 3)
    assert names(found) == ["Ana", "Berta"]
    assert "which is the same" in found.problems["reason"].iloc[-1]


@pytest.mark.parametrize("empty", ["NA", "N/A", "nan", "None", "null", "-", "[]", "[nan, nan, nan, nan]", "#N/A"])
def test_words_for_nothing_are_empty_cells(tmp_path: Path, empty: str) -> None:
    columns: dict[str, Any] = {
        name: [empty, value] for name, value in (("bbox", "[1, 2, 3, 4]"), ("split", "train"), ("latitude", "1"))
    }
    found = catalogue(tmp_path, identity=["Ana", "Berta"], **columns)
    assert len(found.table) == 2 and found.table[list(columns)].isna().to_numpy().tolist() == [[True] * 3, [False] * 3]
    assert found.problems["reason"].tolist() == ["split is empty: this photo is in no subset"]
