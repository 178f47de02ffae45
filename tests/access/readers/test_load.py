from pathlib import Path

import pytest

from tests.helpers.label_files import HEADER, fill, gzgc
from tests.helpers.layouts import wildme_annotation, wildme_image
from wildtrack.access.readers.load import load_catalogue
from wildtrack.errors import UserError
from wildtrack.storage.ownership import mark_written


@pytest.mark.parametrize("original", [True, False])
@pytest.mark.parametrize("ours", [True, False])
def test_a_catalogue_beside_the_photos(tmp_path: Path, ours: bool, original: bool) -> None:
    root = fill(tmp_path, "folder/1.jpg")
    (root / "catalogue.csv").write_text(f"{HEADER}1,Ana,folder/1.jpg\n")
    if ours:
        mark_written(root / "catalogue.csv")
    skipped = ours and original
    assert load_catalogue(root, original=original).table["identity"].tolist() == ["folder" if skipped else "Ana"]
    (root / "metadata.csv").write_text("camera,owner\n1,me\n")  # of another kind
    assert load_catalogue(root, original=original).table["identity"].tolist() == ["folder" if skipped else "Ana"]
    (root / "metadata.csv").write_text(f"{HEADER}1,Blu,folder/1.jpg\n")
    assert load_catalogue(root, original=original).table["identity"].tolist() == ["Blu"]


@pytest.mark.parametrize(
    ("given", "config", "message"),
    [
        (".", {"split_column": "site"}, "--split-column site has no effect here: .* is a folder per identity"),
        (".", {"part": "head"}, "--part head has no effect here: .* is a folder per identity"),
        ("t.csv", {"part": "head"}, "--part head has no effect here: .*t.csv is a table with"),
        ("t.csv", {"split_column": "site"}, "no column 'site'; there are image_id, identity, path"),
        ("gzgc.coco", {"part": "head"}, r"head has no effect here: .*2020\.json is a COCO file without"),
        ("gzgc.coco", {"split_column": "site"}, r"site has no effect here: .*2020\.json is a COCO file without"),
    ],
)
def test_a_setting_without_effect_is_refused(tmp_path: Path, given: str, config: dict[str, str], message: str) -> None:
    if given == "gzgc.coco":
        gzgc(tmp_path, [wildme_annotation(1, 1)], [wildme_image(1)])
    (fill(tmp_path, "a/1.jpg") / "t.csv").write_text(f"{HEADER}1,t1,a/1.jpg\n")
    with pytest.raises(UserError, match=message):
        load_catalogue(tmp_path / given, **config)  # type: ignore[arg-type]


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
        ("a.xlsx", "not a .csv .* save it as CSV UTF-8"),
        ("a.zip", "not a .csv .* unpack it, and give a folder"),
    ],
)
def test_load_refuses(tmp_path: Path, name: str, message: str) -> None:
    fill(tmp_path, "a.jpg", "a.xlsx", "a.zip")
    with pytest.raises(UserError, match=message) as caught:
        load_catalogue(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)
