"""Each source from a local server that serves a tiny archive of exactly its real layout."""

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from tests.helpers import layouts
from tests.helpers.label_files import unpack
from tests.helpers.packing import make_archive
from tests.helpers.server import Server
from tests.helpers.sources import ARCHIVES, served
from tools.dataset_pages import pages
from wildtrack.access import sources
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.readers.table import write_table
from wildtrack.access.sources import cards, load, names
from wildtrack.access.sources import source as source_module
from wildtrack.access.sources.source import read_source
from wildtrack.errors import UserError

DOCS = Path(__file__).parents[3] / "docs/datasets"
STATUSES = {"not evaluated", "Least Concern", "Near Threatened", "Vulnerable", "Endangered"}
WILDME = ["IBEIS_PZ_1561", "unknown", "NNP_GIRM_0140"]
IDENTITIES = {
    "nyala": ["1", "1", "100"],
    "lion": ["Chaimu", "Chaimu", "Nariku-Inkgera"],
    "sea_star_re_id_2023": ["Anau01", "Asru76", "Asru76"],
    "seaturtleid2022": ["t001", "t001"],
    "seaturtleidheads": ["t001", "t002"],
}
COLUMNS = {  # that the layout does not say
    "nyala": {"orientation": ["left", "right", "left"]},
    "lion": {"orientation": ["left", "", "right"], "species": ["Panthera leo"] * 3},
    "sea_star_re_id_2023": {"species": ["Anthenea australiae", "Asterias rubens", "Asterias rubens"]},
    "seaturtleidheads": {"species": ["Caretta caretta"] * 2},
}


def test_each_source_is_an_attribute() -> None:
    assert names() == sorted(ARCHIVES)
    for name in names():
        assert getattr(sources, name) is load(name)
    with pytest.raises(AttributeError, match="no attribute 'zebra'"):
        sources.zebra  # noqa: B018


@pytest.mark.parametrize(
    ("name", "hint"),
    [("zebra", ""), ("niala", r"did you mean nyala\? "), ("Hyena ID 2022", r"did you mean hyena_id_2022\? ")],
)
def test_an_unknown_name_is_refused(name: str, hint: str) -> None:
    with pytest.raises(UserError, match=rf"dataset '{name}' is not known; {hint}known are beluga_id_2022, .*, nyala"):
        load(name)


def test_each_tree_is_recognised_by_its_own_source_only(tmp_path: Path) -> None:
    for tree, (_, files) in ARCHIVES.items():
        unpack(tmp_path / tree, files())
    for name in names():
        for tree in names():
            root = tmp_path / tree / load(tree).inside
            if name == tree:
                load(name).check_layout(root)
            else:
                with pytest.raises(UserError, match=f"does not look like {name}, which has files such as"):
                    load(name).systematize_dataset_metadata(root)


@pytest.mark.parametrize("inside", [".", "train"])
def test_a_part_of_a_copy_is_read(tmp_path: Path, inside: str) -> None:
    root = unpack(tmp_path, layouts.wildlife_reidentification()) / load("nyala").inside / inside
    assert "100" in load("nyala").systematize_dataset_metadata(root)["identity"].tolist()


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_source_becomes_a_catalogue(name: str, server: Server, tmp_path: Path) -> None:
    source = served(name, server, tmp_path)
    root = source.download_and_extract(tmp_path / "cache")
    assert root == source.download_and_extract(tmp_path / "cache")
    assert len(server.asked) == 1
    table = source.systematize_dataset_metadata(str(root))
    assert table["identity"].tolist() == IDENTITIES.get(name, WILDME)
    assert table["species"].notna().all()
    assert ("split" in table) == (name == "seaturtleid2022")
    for column, expected in COLUMNS.get(name, {}).items():
        assert table[column].fillna("").tolist() == expected

    write_table(table, root / "catalogue.csv")
    again = load_catalogue(root / "catalogue.csv")
    assert again.problems.empty
    assert again.table.astype(object).equals(table.astype(object))


def test_one_download_serves_nyala_and_lion(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = served("nyala", server, tmp_path).download_and_extract(Path("c"))
    assert root == tmp_path / "c/datasets/wildlife_reidentification-main/wildlife_reidentification-main/Nyala_Data_Zero"
    served("lion", server, tmp_path).download_and_extract(tmp_path / "c")
    assert server.asked == ["main.zip"]


@pytest.mark.parametrize(
    ("name", "files", "message"),
    [
        ("sea_star_re_id_2023", {"readme.txt": b"x"}, "sea-star-re-id.zip does not hold sea-star-re-id; delete it"),
        ("seaturtleid2022", {"../out.txt": b"x"}, "would lead out of its folder"),  # Kaggle's zip is checked, too
    ],
)
def test_another_archive_is_refused(tmp_path: Path, name: str, files: layouts.Files, message: str) -> None:
    (tmp_path / "cache/downloads").mkdir(parents=True)
    make_archive(tmp_path / "cache/downloads" / load(name).archive, files)
    with pytest.raises(UserError, match=message):
        load(name).download_and_extract(tmp_path / "cache")
    assert not list(tmp_path.rglob("out.txt"))


def test_pages_are_those_of_the_cards() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in DOCS.iterdir()}
    assert written == pages(), "run: python -m tools.dataset_pages"


def test_cards_are_complete() -> None:
    for card in cards():
        assert {entry.status for entry in card.species} <= STATUSES
        assert card.photos >= card.identities > 0
        for reference in (card.paper, *card.research):
            assert re.fullmatch(r"@\w+\{\w+,\n.*\n\}", reference.bibtex.strip(), re.DOTALL)
            assert reference.bibtex.count("{") == reference.bibtex.count("}")
        for url in (card.homepage, card.licence_url, card.paper.url):
            assert url.startswith("https://")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("photos: 4948", "photos: many", r"Expected `int`, got `str` - at `\$.photos`"),
        ("licence:", "license:", "unknown field `license`"),
    ],
)
def test_a_card_with_a_mistake_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    for name in ("gzgc", "references"):
        shutil.copy(source_module.FOLDER / f"{name}.yaml", tmp_path)
    card = tmp_path / "gzgc.yaml"
    card.write_text(card.read_text("utf-8").replace(old, new), "utf-8")
    monkeypatch.setattr(source_module, "FOLDER", tmp_path)
    with pytest.raises(msgspec.ValidationError, match=message):
        read_source("gzgc")
