"""The drawn dataset: what is in it, that it repeats, and that it is whole or not there."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wildtrack.access.demo import dataset
from wildtrack.access.demo.camera import _viewpoint, photograph
from wildtrack.access.demo.dataset import make_demo
from wildtrack.access.demo.drawing import Floats
from wildtrack.access.demo.plates import draw_plates
from wildtrack.access.demo.texture import to_pixels
from wildtrack.access.demo.turtle import Head, draw_head
from wildtrack.access.demo.water import HEIGHT, WIDTH, draw_water
from wildtrack.access.photos.find import walk
from wildtrack.errors import UserError

IDENTITIES, ENCOUNTERS = 3, 2
COLUMNS = ["image_id", "identity", "path", "date", "orientation", "species", "license", "height", "width"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("demo")
    make_demo(root / "demo", root / "new", IDENTITIES, ENCOUNTERS)
    return root / "demo", root / "new"


@pytest.fixture(scope="module")
def catalogue(folders: tuple[Path, Path]) -> pd.DataFrame:
    return pd.read_csv(folders[0] / "metadata.csv", parse_dates=["date"])


def photo_bytes(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.jpg"))}


def test_every_photo_has_a_row_and_every_row_a_photo(folders: tuple[Path, Path], catalogue: pd.DataFrame) -> None:
    assert list(catalogue.columns) == COLUMNS
    assert len(catalogue) == IDENTITIES * ENCOUNTERS * 2  # one a side
    assert sorted(catalogue["path"]) == list(photo_bytes(folders[0]))
    assert catalogue["image_id"].is_unique
    assert list(catalogue["identity"].unique()) == ["ID_0001", "ID_0002", "ID_0003"]
    assert (catalogue["path"].str.split("/").str[0] == catalogue["identity"]).all()
    assert set(catalogue["species"]) == {"Caretta caretta"} and set(catalogue["license"]) == {"CC0-1.0"}
    for row in catalogue.itertuples():
        with Image.open(folders[0] / str(row.path)) as photo:
            assert (photo.format, photo.mode, photo.size) == ("JPEG", "RGB", (row.width, row.height))


def test_encounters_are_far_apart_and_each_shows_both_sides_at_once(catalogue: pd.DataFrame) -> None:
    for _, photos in catalogue.groupby("identity"):
        gaps = photos["date"].sort_values().diff().dropna().dt.total_seconds() / 3600
        assert (gaps > 12).sum() == ENCOUNTERS - 1
        assert (gaps[gaps <= 12] < 0.2).all()
    sides = catalogue.groupby(["identity", catalogue["date"].dt.date])["orientation"].agg(list)
    assert sides.to_list() == [["left", "right"]] * IDENTITIES * ENCOUNTERS


def test_new_photos_are_of_known_turtles_and_of_one_unknown_turtle(
    folders: tuple[Path, Path], catalogue: pd.DataFrame
) -> None:
    assert walk(folders[1]).in_words() == ""  # nothing that a search would have to speak of
    answers = pd.read_csv(folders[1] / "answers.csv")
    assert list(answers.columns) == ["photo", "identity", "orientation"]
    assert list(answers["photo"]) == list(photo_bytes(folders[1])) == [f"new_{number}.jpg" for number in range(1, 5)]
    assert sorted(answers["identity"]) == ["ID_0001", "ID_0002", "ID_0003", "unknown"]
    assert not set(photo_bytes(folders[1]).values()) & set(photo_bytes(folders[0]).values())


def test_new_photos_show_six_turtles_after_the_catalogues_last_encounter() -> None:
    shots = dataset._new_shots(identities=24, encounters=4, seed=0)
    assert len({shot.animal for shot in shots}) == len(shots) == 6
    assert [shot.identity for shot in shots].count("unknown") == 1
    for new in shots:
        known = dataset._shots(new.animal, encounters=4, seed=0)
        assert (new.date - known[-1].date).total_seconds() > 12 * 3600


def test_a_photo_does_not_depend_on_how_many_others_are_drawn(folders: tuple[Path, Path], tmp_path: Path) -> None:
    make_demo(tmp_path / "demo", tmp_path / "new", identities=1, encounters=1)
    fewer, more = photo_bytes(tmp_path / "demo"), photo_bytes(folders[0])
    assert fewer == {path: more[path] for path in fewer}


def cheek(head: Head) -> Floats:
    """Lightness where there is nothing but plates: behind the eye, between the dark crown and the pale throat."""
    (left, top), (right, bottom) = to_pixels(np.array([(0.45, -0.08), (0.85, 0.10)])).astype(int)
    lightness: Floats = head.colour[top:bottom, left:right].mean(axis=2)
    return lightness


def test_turtles_differ_by_seed_and_side() -> None:
    first, again, other = (dataset._head.__wrapped__(1, "left", seed) for seed in (0, 0, 1))
    assert np.array_equal(first.colour, again.colour)
    assert not np.array_equal(first.colour, other.colour)
    for animal in (1, 2, 3):
        left, right = (cheek(dataset._head(animal, side, 0)) for side in ("left", "right"))
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.3


def test_the_sides_of_a_turtle_have_plates_of_one_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "draw_head", lambda plates, rng: plates)
    characters: list[Any] = [dataset._head.__wrapped__(*key, 0) for key in ((1, "left"), (1, "right"), (2, "left"))]
    left, right, other = characters
    assert left.size == right.size != other.size
    assert np.array_equal(left.browns, right.browns)


def test_a_right_side_faces_right() -> None:
    head = draw_head(draw_plates(np.random.default_rng(0)), np.random.default_rng(1))
    water = draw_water(np.random.default_rng(0))
    left, right = (_viewpoint(head.relief, mirrored, np.random.default_rng(0))[0] for mirrored in (False, True))
    assert np.allclose(left, right[:, ::-1], atol=0.01)
    assert photograph(head, water, True, np.random.default_rng(0)).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interruption_between_the_two_renames_leaves_nothing(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def rename_but_the_dataset(source: Path, target: Path) -> Path:
        if target == tmp_path / "demo":
            raise error
        return rename(source, target)

    for name in ("demo", "new"):
        (tmp_path / name).mkdir()  # empty folders are filled
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename_but_the_dataset)
        with pytest.raises(error):
            make_demo(tmp_path / "demo", tmp_path / "new", identities=1, encounters=1)
    assert list(tmp_path.iterdir()) == []
    make_demo(tmp_path / "demo", tmp_path / "new", identities=1, encounters=1)
    assert photo_bytes(tmp_path / "demo") and photo_bytes(tmp_path / "new")


@pytest.mark.parametrize("name", ["demo", "new"])
def test_a_folder_that_is_there_is_left_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=f"{name} is there already"):
        make_demo(tmp_path / "demo", tmp_path / "new", identities=1, encounters=1)
    assert [path.name for path in tmp_path.rglob("*.*")] == ["mine.txt"]


@pytest.mark.parametrize(("identities", "encounters"), [(0, 1), (1, 0)])
def test_an_impossible_count_is_refused(identities: int, encounters: int, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is 0"):
        make_demo(tmp_path / "demo", tmp_path / "new", identities, encounters)
