"""Each source from a local server that serves a tiny archive of exactly its real layout."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import layouts
from tests.helpers.packing import make_archive
from tests.helpers.server import Server, serving
from tests.helpers.sources import ARCHIVES, served
from wildtrack.access import sources
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.readers.table import write_table
from wildtrack.access.sources import cards, load, names
from wildtrack.access.sources.pages import index, page
from wildtrack.errors import UserError

DOCS = Path(__file__).parents[3] / "docs/datasets"
IDENTITIES = {
    "nyala": ["1", "1", "100"],
    "lion": ["Chaimu", "Chaimu", "Nariku-Inkgera"],
    "sea_star_re_id_2023": ["Anau01", "Asru76", "Asru76"],
    "seaturtleid2022": ["t001", "t001"],
    "seaturtleidheads": ["t001", "t002"],
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def test_names() -> None:
    assert sorted(names()) == sorted(ARCHIVES)
    for name in names():
        module = getattr(sources, name)
        assert module.SOURCE is load(name)
        assert module.download_and_extract == load(name).download_and_extract
        assert module.systematize_dataset_metadata == load(name).systematize_dataset_metadata


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("zebra", ""),
        ("Nyala", r"did you mean nyala\? "),
        ("niala", r"did you mean nyala\? "),
        ("Hyena ID 2022", r"did you mean hyena_id_2022\? "),
        ("SeaTurtleIDHeads", r"did you mean seaturtleidheads\? "),
    ],
)
def test_a_name_that_is_not_known(name: str, hint: str) -> None:
    with pytest.raises(UserError, match=rf"dataset '{name}' is not known; {hint}known are seaturtleid2022, .*, gzgc"):
        load(name)


def test_another_set_under_the_name(tmp_path: Path) -> None:
    """Each tiny tree is a copy of its own sources, and of none of the others."""
    for tree in ARCHIVES:
        for file, content in ARCHIVES[tree][1]().items():
            (tmp_path / tree / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / tree / file).write_bytes(content)
    for name in names():
        for tree in names():
            root = tmp_path / tree / load(tree).inside
            if name == tree:
                load(name).check_layout(root)
            else:
                with pytest.raises(UserError, match=f"does not look like {name}, which has files such as"):
                    load(name).systematize_dataset_metadata(root)


@pytest.mark.parametrize("inside", ["Nyala_Data_Zero", "Nyala_Data_Zero/train"])
def test_a_part_of_a_copy(tmp_path: Path, inside: str) -> None:
    for file, content in layouts.wildlife_reidentification().items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    root = tmp_path / sources.nyala.FOLDER / inside
    assert "100" in load("nyala").systematize_dataset_metadata(root)["identity"].tolist()


@pytest.mark.parametrize("name", ARCHIVES)
def test_download_and_systematize(name: str, server: Server, tmp_path: Path) -> None:
    source = served(name, server, tmp_path)
    root = source.download_and_extract(tmp_path / "cache")
    assert root == source.download_and_extract(tmp_path / "cache")
    assert len(server.asked) == (0 if source.kaggle else 1)
    table = source.systematize_dataset_metadata(str(root))
    wildme = ["IBEIS_PZ_1561", "unknown", "NNP_GIRM_0140"]
    assert table["identity"].tolist() == IDENTITIES.get(name, wildme)
    assert table["species"].notna().all()
    assert "split" in table if name == "seaturtleid2022" else "split" not in table

    write_table(table, root / "catalogue.csv")
    again = load_catalogue(root / "catalogue.csv")
    assert again.problems.empty
    assert again.table.astype(object).equals(table.astype(object))


def test_the_cache_may_be_a_relative_path(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = served("nyala", server, tmp_path).download_and_extract(Path("c"))
    assert root == tmp_path / "c/datasets/wildlife_reidentification-main/wildlife_reidentification-main/Nyala_Data_Zero"


def test_one_download_serves_nyala_and_lion(server: Server, tmp_path: Path) -> None:
    for name in ("nyala", "lion"):
        served(name, server, tmp_path).download_and_extract(tmp_path / "cache")
    assert server.asked == ["main.zip"]


def test_columns_that_the_layout_does_not_say(server: Server, tmp_path: Path) -> None:
    tables = {}
    for name in ("nyala", "lion", "sea_star_re_id_2023", "seaturtleidheads"):
        source = served(name, server, tmp_path)
        tables[name] = source.systematize_dataset_metadata(source.download_and_extract(tmp_path / "cache"))
    assert tables["nyala"]["orientation"].tolist() == ["left", "right", "left"]
    assert tables["lion"]["orientation"].fillna("").tolist() == ["left", "", "right"]
    assert tables["lion"]["species"].tolist() == ["Panthera leo"] * 3
    assert tables["sea_star_re_id_2023"]["species"].tolist() == ["Anthenea australiae"] + ["Asterias rubens"] * 2
    assert tables["seaturtleidheads"]["species"].tolist() == ["Caretta caretta"] * 2


def test_options_reach_the_reader(server: Server, tmp_path: Path) -> None:
    source = served("seaturtleid2022", server, tmp_path)
    root = source.download_and_extract(tmp_path / "cache")
    table = source.read(root, split_column="split_open", part="flipper").table
    assert table["split"].tolist() == ["test", "test"]


def test_a_cut_download_leaves_no_dataset(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    source = served("nyala", server, tmp_path)
    server.cuts = 3
    with pytest.raises(UserError, match="the connection was cut"):
        source.download_and_extract(tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.jpg"))
    assert source.systematize_dataset_metadata(source.download_and_extract(tmp_path / "cache")).shape[0] == 3


def test_another_archive_under_the_name(server: Server, tmp_path: Path) -> None:
    source = served("nyala", server, tmp_path)
    server.files["main.zip"] = make_archive(tmp_path / "other.zip", {"readme.txt": b"moved"}).read_bytes()
    with pytest.raises(UserError, match="does not hold wildlife_reidentification-main/Nyala_Data_Zero"):
        source.download_and_extract(tmp_path / "cache")


def test_kaggle_is_asked_where_there_is_no_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch_kaggle(handle: str, cache: Path, archive: Path) -> Path:
        asked.append((handle, cache, archive))
        return tmp_path / "kaggle"

    monkeypatch.setattr("wildtrack.access.sources.source.fetch_kaggle", fetch_kaggle)
    assert load("seaturtleid2022").download_and_extract(tmp_path) == tmp_path / "kaggle"
    assert asked == [("wildlifedatasets/seaturtleid2022", tmp_path, tmp_path / "downloads/seaturtleid2022.zip")]


def test_pages_are_those_of_the_cards() -> None:
    pages = {f"{card.slug}.md": page(card) for card in cards()} | {"README.md": index(cards())}
    assert {path.name for path in DOCS.iterdir()} == set(pages), "run: python -m wildtrack.access.sources"
    for name, content in pages.items():
        assert (DOCS / name).read_text(encoding="utf-8") == content, "run: python -m wildtrack.access.sources"


def test_cards_are_complete() -> None:
    statuses = {"not evaluated", "Least Concern", "Near Threatened", "Vulnerable", "Endangered"}
    for card in cards():
        assert load(card.slug).card == card
        assert {entry.status for entry in card.species} <= statuses
        assert card.photos >= card.identities > 0
        for reference in (card.paper, *card.research):
            assert re.fullmatch(r"@\w+\{\w+,\n.*\n\}", reference.bibtex.strip(), re.DOTALL)
            assert reference.bibtex.count("{") == reference.bibtex.count("}")
        for url in (card.homepage, card.licence_url, card.paper.url):
            assert url.startswith("https://")
