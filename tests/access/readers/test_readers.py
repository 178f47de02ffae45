import os
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.readers.folders import natural_key, read_folders
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.readers.table import is_catalogue, read_table
from wildtrack.errors import UserError
from wildtrack.storage.ownership import mark_ours


def fill(root: Path, *names: str) -> Path:
    """Empty files are enough: readers open photos only for their EXIF."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def listed(catalogue: Catalogue) -> dict[str, str]:
    return dict(zip(catalogue.problems["path"], catalogue.problems["reason"], strict=True))


def test_folder_per_identity(tmp_path: Path) -> None:
    catalogue = read_folders(fill(tmp_path, "t10/b 2.JPG", "t10/b 10.png", "t2/ä.webp", "Unknown/x.jpg"))
    assert catalogue.table.to_dict("list") == {
        "image_id": ["t2/ä.webp", "t10/b 2.JPG", "t10/b 10.png", "Unknown/x.jpg"],
        "identity": ["t2", "t10", "t10", "unknown"],
        "path": ["t2/ä.webp", "t10/b 2.JPG", "t10/b 10.png", "Unknown/x.jpg"],
    }
    assert catalogue.problems.empty
    assert catalogue.understood == "a folder per identity: 4 photos of 2 identities (1 photo unlabelled)"


def test_split_folders(tmp_path: Path) -> None:
    catalogue = read_folders(fill(tmp_path, "Train/t1/a.jpg", "val/t1/b.jpg", "query/t2/c.jpg", "gallery/t2/d.jpg"))
    sides = dict(zip(catalogue.table["path"], catalogue.table["split"], strict=True))
    assert sides == {
        "Train/t1/a.jpg": "train",
        "val/t1/b.jpg": "valid",
        "query/t2/c.jpg": "test",
        "gallery/t2/d.jpg": "train",
    }
    assert "in gallery and query and Train and val: 4 photos of 2 identities" in catalogue.understood


def test_decomposed_folder_name_is_the_same_identity(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "zoë")
    catalogue = read_folders(fill(tmp_path, f"{decomposed}/a.jpg"))
    assert catalogue.table["identity"].tolist() == ["zoë"]
    assert catalogue.table["path"].tolist() == [f"{decomposed}/a.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="names do not end with a space there")
def test_spaces_at_the_ends_of_names(tmp_path: Path) -> None:
    catalogue = read_folders(fill(tmp_path, " t1/a.jpg", "t1/a.jpg", "t1 /a.jpg"))
    assert catalogue.problems.empty
    assert catalogue.table["identity"].tolist() == ["t1"] * 3
    assert catalogue.table["path"].tolist() == catalogue.table["image_id"].tolist()
    assert set(catalogue.table["path"]) == {" t1/a.jpg", "t1/a.jpg", "t1 /a.jpg"}


@pytest.mark.parametrize(
    "ignored",
    [
        ".DS_Store",
        ".git/x/a.jpg",
        "__MACOSX/t1/._a.jpg",
        "t1/Thumbs.db",
        "desktop.ini",
        "t1/.a.jpg",
        "t1/notes.txt",
        "t1/deep/a.txt",
    ],
)
def test_what_is_passed_over(tmp_path: Path, ignored: str) -> None:
    catalogue = read_folders(fill(tmp_path, "t1/a.jpg", ignored))
    assert catalogue.table["path"].tolist() == ["t1/a.jpg"]
    assert catalogue.problems.empty


@pytest.mark.parametrize(
    ("name", "path", "reason"),
    [
        ("t1/scan.TIF", "t1/scan.TIF", "JPEG copy"),
        ("t1/raw.cr2", "t1/raw.cr2", "raw camera file"),
        ("t1/film.MP4", "t1/film.MP4", ".mp4 is a video: export frames of it as JPEG"),
        ("t1/clips/film.mov", "t1/clips/film.mov", ".mov is a video"),
        ("t2/film.avi", "t2/film.avi", ".avi is a video"),
        ("loose.jpg", "loose.jpg", "not in an identity folder"),
        ("loose.mp4", "loose.mp4", "not in an identity folder"),
        ("loose.tif", "loose.tif", "not in an identity folder"),
        ("t2/", "t2", "no photos in this identity folder"),
        ("t2/notes.txt", "t2", "no photos in this identity folder"),
    ],
)
def test_what_is_listed(tmp_path: Path, name: str, path: str, reason: str) -> None:
    catalogue = read_folders(fill(tmp_path, "t1/a.jpg", name))
    assert catalogue.table["path"].tolist() == ["t1/a.jpg"]
    assert list(listed(catalogue)) == [path]
    assert reason in listed(catalogue)[path]


def test_loose_photo_in_a_split_folder_is_listed(tmp_path: Path) -> None:
    catalogue = read_folders(fill(tmp_path, "train/t1/a.jpg", "train/loose.jpg"))
    assert listed(catalogue) == {"train/loose.jpg": "not in an identity folder"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no photo in a folder of its identity; expected"),
        (["a.jpg", "b.jpg"], "the first of 2 problems: a.jpg: not in an identity folder; is this the folder of one"),
        (["t1/", "t2/"], "first of 2 problems: t1: no photos"),
        (["t1/a.tif"], "t1/a.tif: .tif photos are not read"),
        (["train/a.jpg"], "train/a.jpg: not in an identity folder; expected"),
        (["train/"], "no photo in a folder"),
        (["train/t1/a.jpg", "t2/a.jpg"], "train/ reads as a split and t2/ beside it as an identity; expected"),
        (["2019/t1/a.jpg"], "2019/t1/a.jpg is a level too deep; expected"),
        (
            ["train/t1/left/a.jpg"],
            r"train/t1/left/a.jpg is .* train/t1 is an animal, move its photos up into train/t1/;",
        ),
        (["t1/a.jpg", "t1/x/y/z/b.tif"], "t1/x/y/z/b.tif is a level too deep"),
    ],
)
def test_layouts_that_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_folders(fill(tmp_path, *names))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def link(path: Path, target: Path) -> None:
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("this system does not let us make links")


def test_link_to_itself(tmp_path: Path) -> None:
    fill(tmp_path, "t1/a.jpg")
    link(tmp_path / "t1" / "b.jpg", tmp_path / "t1" / "b.jpg")
    assert list(listed(read_folders(tmp_path))) == ["t1/b.jpg"]


@pytest.mark.parametrize("place", ["loop", "t1/loop"])
def test_link_to_the_root_ends(tmp_path: Path, place: str) -> None:
    fill(tmp_path, "t1/a.jpg")
    link(tmp_path / place, tmp_path)
    with pytest.raises(UserError, match="a level too deep"):
        read_folders(tmp_path)


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (
            "sets",
            "If zebras is an animal, move its photos up into zebras/; if it holds a folder per animal, give {}/zebras",
        ),
        ("sets/zebras", "or name each photo's animal in {}/catalogue.csv, columns image_id, identity, path"),
        ("sets/zebras/z1/day 1", "is this the folder of one animal? give the folder above, {}/../;"),
    ],
)
def test_the_folder_to_give_is_named(tmp_path: Path, data: str, advice: str) -> None:
    given = fill(tmp_path, "sets/zebras/z1/day 1/a.jpg") / data
    with pytest.raises(UserError) as caught:
        read_folders(given)
    expected = advice.replace("{}/../", str(given.parent)).replace("{}/", f"{given}{os.sep}")
    assert expected in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep file names in Unicode")
def test_file_name_that_is_no_text(tmp_path: Path) -> None:
    fill(tmp_path, "t1/a.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/t1/caf\xe9.jpg")).touch()
    catalogue = read_folders(tmp_path)
    assert catalogue.table["path"].tolist() == ["t1/a.jpg"]
    assert listed(catalogue) == {"t1/caf?.jpg": "file name is not valid Unicode; rename it"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep file names in Unicode")
def test_identity_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    fill(tmp_path, "t1/a.jpg", os.fsdecode(b"caf\xe9/a.jpg"), "caf?/a.jpg")
    catalogue = read_folders(tmp_path)
    assert catalogue.table["path"].tolist() == ["caf?/a.jpg", "t1/a.jpg"]
    assert catalogue.problems.values.tolist() == [["caf?/a.jpg", "file name is not valid Unicode; rename it"]]


def test_exif_fills_columns(tmp_path: Path) -> None:
    fill(tmp_path, "t1/", "t1/damaged.jpg")
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2021:06:01 10:11:12"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "S", 2: (37.0, 30.0, 0.0), 3: "E", 4: (20.0, 0.0, 0.0)})
    Image.new("RGB", (4, 4)).save(tmp_path / "t1/dated.jpg", exif=exif)
    Image.new("RGB", (4, 4)).save(tmp_path / "t1/plain.jpg")
    table = read_folders(tmp_path).table
    assert table["path"].tolist() == ["t1/damaged.jpg", "t1/dated.jpg", "t1/plain.jpg"]
    for column, expected in {"date": "2021-06-01T10:11:12", "latitude": -37.5, "longitude": 20.0}.items():
        assert table[column].isna().tolist() == [True, False, True]
        assert table[column][1] == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["t10", "t2", "T1"], ["T1", "t2", "t10"]),
        (["b", "2", "a1b10", "a1b9", "10", "a"], ["2", "10", "a", "a1b9", "a1b10", "b"]),
        (["a01", "a1"], ["a01", "a1"]),
        (["a1", "a01"], ["a01", "a1"]),
    ],
)
def test_natural_key(names: list[str], expected: list[str]) -> None:
    assert sorted(names, key=natural_key) == expected


HEADER = "image_id,identity,path\n"


@pytest.fixture
def table_root(tmp_path: Path) -> Path:
    return fill(tmp_path, "fotos größe/a 1.jpg", "b.jpg")


@pytest.mark.parametrize(
    "content",
    [
        "image_id,identity,path\n1,Zoë,b.jpg\n2,007,fotos größe/a 1.jpg\n",
        "\ufeffimage_id,identity,path\n1,Zoë,b.jpg\n2,007,fotos größe/a 1.jpg\n",
        "image_id;identity;path\r\n1;Zoë;b.jpg\r\n2;007;fotos größe\\a 1.jpg\r\n",
        'image_id\tidentity\tpath\n1\tZoë\tb.jpg\n2\t007\t"fotos größe/a 1.jpg"\n',
        "image_id, identity , file_name,\n1, Zoë, b.jpg,\n\n,,,\n2,007,fotos größe/a 1.jpg",
    ],
)
def test_table(table_root: Path, content: str) -> None:
    source = table_root / "my table.csv"
    source.write_text(content, encoding="utf-8", newline="")
    catalogue = read_table(source)
    assert catalogue.table.to_dict("list") == {
        "image_id": ["1", "2"],
        "identity": ["Zoë", "007"],
        "path": ["b.jpg", "fotos größe/a 1.jpg"],
    }
    assert catalogue.problems.empty
    assert catalogue.root == table_root
    assert catalogue.understood == "the table my table.csv: 2 photos of 2 identities"
    assert is_catalogue(source)


@pytest.mark.parametrize("original", [True, False])
@pytest.mark.parametrize("ours", [True, False])
def test_a_catalogue_beside_the_photos(tmp_path: Path, ours: bool, original: bool) -> None:
    root = fill(tmp_path, "folder/1.jpg")
    (root / "catalogue.csv").write_text("image_id,identity,path\n1,Ana,folder/1.jpg\n")
    if ours:
        mark_ours(root / "catalogue.csv")
    passed_over = ours and original
    assert load_catalogue(root, original=original).table["identity"].tolist() == ["folder" if passed_over else "Ana"]
    (root / "metadata.csv").write_text("image_id,identity,path\n1,Blu,folder/1.jpg\n")
    assert load_catalogue(root, original=original).table["identity"].tolist() == ["Blu"]


@pytest.mark.parametrize(
    ("files", "config", "message"),
    [
        (
            ("a/1.jpg",),
            {"split_column": "site"},
            "--split-column site says nothing here: .* is a folder per",
        ),
        (("a/1.jpg",), {"part": "head"}, "--part head says nothing here: .* is a folder per identity"),
        (("b.jpg", "metadata.csv"), {"part": "head"}, "--part head says nothing here: .*metadata.csv is a table with"),
        (("b.jpg", "catalogue.csv"), {"split_column": "site"}, "no column 'site'; there are image_id, identity, path"),
    ],
)
def test_settings_that_a_layout_would_pass_over(
    tmp_path: Path, files: tuple[str, ...], config: dict[str, str], message: str
) -> None:
    for table in fill(tmp_path, *files).glob("*.csv"):
        table.write_text(HEADER + "1,t1,b.jpg\n")
    with pytest.raises(UserError, match=message):
        load_catalogue(tmp_path, **config)  # type: ignore[arg-type]


def test_words_that_pandas_takes_for_missing_stay_names(table_root: Path) -> None:
    (table_root / "t.csv").write_text(HEADER + "NA,None,b.jpg\n")
    table = read_table(table_root / "t.csv").table
    assert table[["image_id", "identity"]].values.tolist() == [["NA", "None"]]


@pytest.mark.parametrize(
    ("rows", "files", "told"),
    [
        (["t1/a.jpg", "t2/b.jpg"], ["t2/c.JPG", "t3/d.png", "readme.txt"], "2 photo files .* no row, such as t2/c.JPG"),
        (["t1/a.jpg", "t2/b.jpg"], [".trash/c.jpg", "t1/.d.jpg"], None),  # hidden
        (["t1/a.jpg", ".\\t2\\c.jpg"], ["t2/c.jpg"], None),  # written in another way
        (["all/t1/a.jpg"], ["b.jpg", "all/t2/c.jpg"], None),  # outside of the folder that the rows share
        (
            ["all/t1/a.jpg", "all/t2/b.jpg"],
            ["b.jpg", "all/t3/c.jpg"],
            "1 photo file .*, such as all/t3/c.jpg",
        ),
    ],
)
def test_photos_in_no_row(tmp_path: Path, rows: list[str], files: list[str], told: str | None) -> None:
    fill(tmp_path, *files, *(row.replace("\\", "/") for row in rows))
    lines = [f"{number},t1,{row}\n" for number, row in enumerate(rows)]
    (tmp_path / "t.csv").write_text(HEADER + "".join(lines))
    understood = read_table(tmp_path / "t.csv").understood
    assert "no row" not in understood if told is None else re.search(f"; {told}", understood)


def test_photos_left_out_before_are_no_news(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "empty.jpg")
    (tmp_path / "catalogue.csv").write_text(HEADER + "1,t1,a.jpg\n")
    (tmp_path / "problems.csv").write_text("path,reason\nempty.jpg,no animal\n")
    assert "1 photo file beside" in read_table(tmp_path / "catalogue.csv").understood  # somebody else's list
    mark_ours(tmp_path / "problems.csv")
    assert "no row" not in read_table(tmp_path / "catalogue.csv").understood
    fill(tmp_path, "new.jpg")
    assert "1 photo file beside is in no row, such as new.jpg" in read_table(tmp_path / "catalogue.csv").understood


def test_row_with_too_many_cells_is_listed(table_root: Path) -> None:
    (table_root / "t.csv").write_text("image_id,identity,path,bbox\n1,t1,b.jpg,[1,2,3,4]\n2,t1,b.jpg,'' \n3,t1,b.jpg\n")
    catalogue = read_table(table_root / "t.csv")
    assert catalogue.table["image_id"].tolist() == ["3"]
    problems = listed(catalogue)
    assert list(problems) == ["t.csv, line 2", "b.jpg"]
    assert "7 cells under 4 columns" in problems["t.csv, line 2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (HEADER.encode(), "no rows"),
        (b"photo,animal\n1,2\n", "no column image_id, identity, path; it has photo, animal"),
        (b"dear diary", "it has dear diary"),
        (b"word " * 1000, r"it has \[\.\.\.\]|it has word"),
        ("image_id,identity,path\n1,Zoë,b.jpg".encode("cp1252"), "not a CSV in UTF-8"),
        ("image_id,identity,path\n".encode("utf-16"), "not a CSV in UTF-8"),
        (b"image_id,identity,path\n1,2," + b"x" * 200_000, "not a CSV in UTF-8"),
        (HEADER.encode() + b"1,t1,missing.jpg\n", "none of the 1 rows"),
        (HEADER.encode() + b"1,t1,b.jpg,extra\n", "no rows"),
    ],
)
def test_tables_that_are_refused(table_root: Path, content: bytes, message: str) -> None:
    source = table_root / "t.csv"
    source.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_table(source)
    assert str(source) in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(source))


@pytest.mark.parametrize(("content", "expected"), [(None, False), ("camera,owner\n", False), (HEADER, True)])
def test_is_catalogue(tmp_path: Path, content: str | None, expected: bool) -> None:
    if content is not None:
        (tmp_path / "metadata.csv").write_text(content)
    assert is_catalogue(tmp_path / "metadata.csv") is expected
