from pathlib import Path

import pytest

from tests.helpers.label_files import HEADER, fill, gzgc
from tests.helpers.layouts import wildme_annotation, wildme_image
from wildtrack.access.readers.load import load_catalogue
from wildtrack.errors import UserError
from wildtrack.storage.ownership import mark_ours


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


@pytest.mark.parametrize("setting", ["split_column", "part"])
def test_a_file_without_columns_or_parts(tmp_path: Path, setting: str) -> None:
    gzgc(tmp_path, [wildme_annotation(1, 1)], [wildme_image(1)])
    with pytest.raises(UserError, match=r" x says nothing here: .*2020\.json is a COCO file without"):
        load_catalogue(tmp_path, **{setting: "x"})  # type: ignore[arg-type]


def test_several_coco_files_are_named(tmp_path: Path) -> None:
    for subset in ("train", "val"):
        fill(tmp_path, f"annotations/instances_{subset}.json")
    with pytest.raises(UserError, match=r"2 COCO files, annotations/instances_train.json, .*name one of them"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "no such file or folder"),
        ("a.jpg", "not a .csv"),
        ("empty", "no photo in a folder of its identity; expected IDENTITY/photo.jpg"),
    ],
)
def test_load_refuses(tmp_path: Path, name: str, message: str) -> None:
    fill(tmp_path, "a.jpg", "empty/")
    with pytest.raises(UserError, match=message) as caught:
        load_catalogue(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_metadata_csv_goes_before_folders(tmp_path: Path) -> None:
    (fill(tmp_path, "a.jpg", "t1/a.jpg") / "metadata.csv").write_text("image_id,identity,path\n1,t1,a.jpg\n")
    assert load_catalogue(tmp_path).understood.startswith("the table metadata.csv: 1 photo of 1 identity")


def test_metadata_csv_of_another_kind_is_passed_over(tmp_path: Path) -> None:
    (fill(tmp_path, "a.jpg", "t1/a.jpg") / "metadata.csv").write_text("camera,owner\n1,me\n")
    assert load_catalogue(tmp_path).understood == "a folder per identity: 1 photo of 1 identity"
