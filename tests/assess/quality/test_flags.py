import tracemalloc
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import ExifTags, Image

from wildtrack.assess.quality import flags as quality_flags
from wildtrack.assess.quality.flags import ISSUES, NUMBERS, Thresholds, flag_quality, measure_file, quality_table
from wildtrack.assess.quality.measures import MEASURES, measure
from wildtrack.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    Image.new("RGB", (80, 40), "white").save(tmp_path / "white.png")
    half = np.zeros((50, 100, 3), np.uint8)
    half[:, 50:] = 255
    Image.fromarray(half).save(tmp_path / "half.png")
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    return tmp_path


def catalogue(*paths: str, **more: object) -> pd.DataFrame:
    ids = [f"photo {number}" for number in range(len(paths))]
    return pd.DataFrame({"image_id": ids, "identity": "Ana", "path": paths, **more})


def test_a_row_for_every_row_and_a_problem_for_every_bad_photo(root: Path) -> None:
    table = catalogue("noise.png", "torn.jpg", "white.png", "missing.png", "white.png")
    quality, problems = quality_table(table.set_index(pd.Index([7, 7, 1, 0, 2])), root)
    assert quality.columns.tolist() == ["image_id", "path", "cropped", *NUMBERS]
    assert quality["image_id"].tolist() == table["image_id"].tolist()
    assert quality["path"].tolist() == table["path"].tolist()
    assert quality[list(MEASURES)].isna().all(axis=1).tolist() == [False, True, False, True, False]
    assert quality.loc[[0, 2], ["height", "width"]].to_numpy().tolist() == [[60, 90], [40, 80]]
    assert problems["path"].tolist() == ["torn.jpg", "missing.png"]
    assert problems["reason"].str.len().min() > 5
    assert quality[["turn", "turn_margin"]].isna().all(axis=None)  # five photos cannot say what upright looks like


def test_a_box_is_measured_instead_of_its_photo(root: Path) -> None:
    boxes = [(0.0, 0.0, 25.0, 50.0), (50.0, 0.0, 50.0, 25.0), None, (500.0, 0.0, 5.0, 5.0)]
    quality, problems = quality_table(catalogue(*["half.png"] * 4, bbox=boxes), root)
    assert quality["cropped"].tolist() == [True, True, False, True]
    assert quality["brightness"].tolist()[:3] == pytest.approx([0, 1, 0.5], abs=0.01)
    assert quality["aspect_ratio"].tolist()[:3] == [0.5, 2, 2]
    assert quality["width"].tolist()[:3] == [25, 50, 100]
    assert "outside the photo" in problems["reason"].item()


@pytest.mark.parametrize("boxed", [False, True])
@pytest.mark.parametrize("paths", [[], ["torn.jpg", "missing.png"]])
def test_without_readable_photos_there_are_no_numbers_and_no_flags(root: Path, paths: list[str], boxed: bool) -> None:
    more = {"bbox": pd.Series([None] * len(paths), dtype=object)} if boxed else {}
    quality, problems = quality_table(catalogue(*paths, **more), root)
    assert len(quality) == len(problems) == len(paths)
    assert quality[list(NUMBERS)].isna().all(axis=None)
    assert flag_quality(quality, Thresholds()).empty


def test_a_file_and_its_pixels_measure_alike_as_exif_turns_them(root: Path) -> None:
    numbers, photo = measure_file(root / "noise.png")
    pixels = measure(np.asarray(Image.open(root / "noise.png")))
    assert {name: numbers[name] for name in MEASURES} == pytest.approx(pixels, abs=1e-9)
    assert max(photo.shape) == 256
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.open(root / "half.png").save(root / "sideways.jpg", exif=exif)
    numbers = measure_file(root / "sideways.jpg")[0]
    assert (numbers["height"], numbers["width"], numbers["aspect_ratio"]) == (100, 50, 0.5)


def test_turns_are_those_of_the_photos_that_can_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_flags, "suspected_turns", lambda described: ([90, 0], [0.7, 0.0]))
    quality, _ = quality_table(catalogue("noise.png", "torn.jpg", "white.png"), root)
    assert quality["turn"].tolist() == pytest.approx([90, np.nan, 0], nan_ok=True)
    flags = flag_quality(quality, Thresholds())
    assert flags.loc[flags["issue"] == "turned", ["path", "value"]].to_numpy().tolist() == [["noise.png", 0.7]]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_photos(root: Path) -> None:
    Image.new("RGB", (1000, 1000)).save(root / "large.png")
    peaks = []
    for count in (20, 120):
        tracemalloc.start()
        quality_table(catalogue(*["large.png"] * count), root)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 100 * 20_000  # a photo at the working size alone is ten times as much


SOUND = {"image_id": "good", "path": "good.jpg", **dict.fromkeys(NUMBERS, np.nan)}


def test_every_issue_is_a_threshold_and_every_measure_has_an_issue() -> None:
    assert [field.name for field in fields(Thresholds)] == list(ISSUES)
    assert {measured for measured, _ in ISSUES.values()} == {*MEASURES, "turn_margin"}
    assert {bad for _, bad in ISSUES.values()} == {"low", "high"}


@pytest.mark.parametrize("issue", list(ISSUES))
def test_a_flag_is_beyond_its_threshold_and_not_at_it(issue: str) -> None:
    measured, bad = ISSUES[issue]
    threshold = asdict(Thresholds())[issue]
    beyond = -0.01 if bad == "low" else 0.01
    values = [threshold, threshold + beyond, threshold - beyond, float("nan"), threshold + 2 * beyond]
    quality = pd.DataFrame([{**SOUND, "image_id": f"{row}", measured: value} for row, value in enumerate(values)])
    flags = flag_quality(quality, Thresholds())
    assert flags.columns.tolist() == ["image_id", "path", "issue", "value", "threshold"]
    assert flags["issue"].tolist() == [issue] * 2
    assert flags["image_id"].tolist() == ["4", "1"]  # the worst first
    assert flags["value"].tolist() == [values[4], values[1]]
    assert set(flags["threshold"]) == {threshold}


def test_a_photo_has_a_row_for_each_of_its_issues() -> None:
    quality = pd.DataFrame([SOUND, {**SOUND, "image_id": "bad", "brightness": 0.0, "blurriness": 1.0}])
    flags = flag_quality(quality, Thresholds())
    assert flags[["image_id", "issue"]].to_numpy().tolist() == [["bad", "dark"], ["bad", "blurry"]]
    assert flag_quality(quality, replace(Thresholds(), dark=-1.0, blurry=2.0)).empty


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dark": -0.1}, "--thresholds.dark -0.1 is not allowed; it must be between 0 and 1"),
        ({"low_contrast": 0.6}, "--thresholds.low-contrast 0.6 is not allowed; it must be between 0 and 0.5"),
        ({"plain": 8.1}, "between 0 and 8"),
        ({"turned": 2.1}, "between 0 and 2"),
        ({"narrow": -1.0}, "0 or more"),
        ({"wide": float("nan")}, "--thresholds.wide nan"),
        ({"dark": 0.7, "bright": 0.6}, "--thresholds.dark 0.7 is above --thresholds.bright 0.6"),
        ({"narrow": 4.0}, "--thresholds.narrow 4.0 is above --thresholds.wide 3.0"),
    ],
)
def test_thresholds_that_mean_nothing_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        quality_flags.check_thresholds(replace(Thresholds(), **changes))


@pytest.mark.parametrize("changes", [{}, {"dark": 0.0, "bright": 1.0, "wide": 50.0}, {"dark": 0.5, "bright": 0.5}])
def test_thresholds_within_their_range_are_taken(changes: dict[str, float]) -> None:
    quality_flags.check_thresholds(replace(Thresholds(), **changes))
