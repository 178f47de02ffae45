"""A demo dataset that needs no download: drawn sea turtles, photographed on several days.

Animals, days and photos have random generators of their own: a photo does not depend on how many others are drawn.
"""

import datetime
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.random import Generator
from PIL import Image

from wildtrack.access.cells import UNKNOWN
from wildtrack.access.demo.camera import JPEG_QUALITY, photograph
from wildtrack.access.demo.plates import draw_plates
from wildtrack.access.demo.turtle import Head, draw_head
from wildtrack.access.demo.water import HEIGHT, WIDTH, draw_water
from wildtrack.console import track
from wildtrack.errors import UserError
from wildtrack.storage.files import new_folder, refuse_used
from wildtrack.storage.ownership import mark_written

VIEWPOINTS = ("left", "right")
PHOTOS_PER_ENCOUNTER = 2  # sides take turns, so every encounter shows both
WEEKS_BETWEEN_ENCOUNTERS = (2, 10)  # shortest and longest
NEW_PHOTOS = 5  # of known turtles; one of an unknown turtle comes on top

_FIRST_SURVEY = datetime.datetime(2022, 4, 6, 8)  # the boat goes out once a week, so animals share days
_UNKNOWN_ANIMAL = 0  # known animals are numbered from 1
_DATES, _CLOCK, _ANIMAL, _WATER, _PHOTO, _NEW, _PLATES = range(7)  # what a random generator is for


@dataclass(frozen=True)
class Shot:
    """One photo to be taken."""

    animal: int
    encounter: int
    number: int  # within the encounter, from 0
    date: datetime.datetime

    @property
    def identity(self) -> str:
        """The label."""
        return UNKNOWN if self.animal == _UNKNOWN_ANIMAL else f"ID_{self.animal:04d}"

    @property
    def orientation(self) -> str:
        """The viewpoint."""
        return VIEWPOINTS[self.number % len(VIEWPOINTS)]

    @property
    def path(self) -> PurePosixPath:
        """Relative to the dataset's folder."""
        return PurePosixPath(self.identity, f"{self.date:%Y-%m-%d}_{self.number + 1}.jpg")


def make_demo(folder: Path, new_photos: Path, identities: int = 24, encounters: int = 8, seed: int = 0) -> None:
    """Draw the demo dataset: `folder/ID_0001/2022-04-06_1.jpg` ... with `metadata.csv`, and photos for a search.

    `new_photos` gets photos of known animals on a further day and one of an unknown animal, with `answers.csv`. Both
    folders appear when they are complete; a UserError where one of them is in use, or a count is below 1.
    """
    for name, count in (("identities", identities), ("encounters", encounters)):
        if count < 1:
            raise UserError(f"{name} is {count}, but the demo dataset needs at least 1.")
    for path in (folder, new_photos):
        refuse_used(path)
    shots = [shot for animal in range(1, identities + 1) for shot in _shots(animal, encounters, seed)]
    new_shots = {f"new_{number}.jpg": shot for number, shot in enumerate(_new_shots(identities, encounters, seed), 1)}
    try:
        with new_folder(folder) as part, new_folder(new_photos) as new_part:
            jobs = [(shot, part / shot.path) for shot in shots]
            jobs += [(shot, new_part / name) for name, shot in new_shots.items()]
            for shot, path in track(jobs, "Drawing the demo turtles", total=len(jobs)):
                _take(shot, path, seed)
            _metadata(shots).to_csv(part / "metadata.csv", index=False)
            answers = [(name, shot.identity, shot.orientation) for name, shot in new_shots.items()]
            columns = ["photo", "identity", "orientation"]
            pd.DataFrame(answers, columns=columns).to_csv(new_part / "answers.csv", index=False)
            mark_written(new_part / "answers.csv")  # so that a search need not say that it is no photo
    except BaseException:
        if not folder.exists():  # stopped between the two: one left alone would make the next run refuse to start
            shutil.rmtree(new_photos, ignore_errors=True)
        raise


def _shots(animal: int, encounters: int, seed: int) -> list[Shot]:
    """All photos of one animal: encounters weeks apart, photos within one minutes apart."""
    dates = _rng(seed, _DATES, animal)
    week = int(dates.integers(WEEKS_BETWEEN_ENCOUNTERS[1]))
    shots = []
    for encounter in range(encounters):
        clock = _rng(seed, _CLOCK, animal, encounter)
        time = _FIRST_SURVEY + datetime.timedelta(weeks=week, seconds=int(clock.integers(8 * 3600)))
        for number in range(PHOTOS_PER_ENCOUNTER):
            shots.append(Shot(animal, encounter, number, time))
            time += datetime.timedelta(seconds=int(clock.integers(20, 300)))
        week += int(dates.integers(*WEEKS_BETWEEN_ENCOUNTERS, endpoint=True))
    return shots


def _new_shots(identities: int, encounters: int, seed: int) -> list[Shot]:
    """Photos to search for: known animals in a further encounter and an unknown one, shuffled."""
    rng = _rng(seed, _NEW)
    known = rng.choice(np.arange(1, identities + 1), min(NEW_PHOTOS, identities), replace=False)
    animals = rng.permutation([_UNKNOWN_ANIMAL, *known])
    further = [_shots(int(animal), encounters + 1, seed)[-PHOTOS_PER_ENCOUNTER:] for animal in animals]
    return [shots[rng.integers(PHOTOS_PER_ENCOUNTER)] for shots in further]


def _take(shot: Shot, path: Path, seed: int) -> None:
    water = draw_water(_rng(seed, _WATER, (shot.date - _FIRST_SURVEY).days))
    head = _head(shot.animal, shot.orientation, seed)
    rng = _rng(seed, _PHOTO, shot.animal, shot.encounter, shot.number)
    photo = photograph(head, water, mirrored=shot.orientation == "right", rng=rng)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo).save(path, quality=int(rng.integers(*JPEG_QUALITY)))


@lru_cache(maxsize=len(VIEWPOINTS))  # shots come animal by animal
def _head(animal: int, orientation: str, seed: int) -> Head:
    """One side of an animal's head: both sides have plates of one kind, in another mosaic."""
    plates = draw_plates(_rng(seed, _PLATES, animal))
    return draw_head(plates, _rng(seed, _ANIMAL, animal, VIEWPOINTS.index(orientation)))


def _rng(*key: int) -> Generator:
    return np.random.default_rng(key)


def _metadata(shots: list[Shot]) -> pd.DataFrame:
    """The catalogue, a row per photo."""
    rows = (
        (f"{one.identity}_{one.path.stem}", one.identity, one.path.as_posix(), one.date.isoformat(), one.orientation)
        for one in shots
    )
    table = pd.DataFrame(rows, columns=["image_id", "identity", "path", "date", "orientation"])
    return table.assign(species="Caretta caretta", license="CC0-1.0", height=HEIGHT, width=WIDTH)
