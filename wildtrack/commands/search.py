"""Ask who the animals on new photos are.

  wildtrack search new_photo.jpg               one photo, several, folders, or patterns such as "new/*.jpg"
  wildtrack search new_photo.jpg --json        the answer for machines
  wildtrack search                             the demo's new photos

The first call builds the index from every labelled photo; build it again with --rebuild when photos were added.
"""

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from wildtrack.access.catalogue import problem_table
from wildtrack.access.demo import DEMO_NEW
from wildtrack.access.photos.find import find_photos
from wildtrack.access.problems import report_problems
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.gallery.answers import Answer
from wildtrack.address.gallery.build import GalleryConfig, open_searcher
from wildtrack.address.gallery.searcher import SearchConfig, Searcher, answer_photo
from wildtrack.config import (
    CustomObjects,
    DiskSpace,
    Folder,
    Range,
    RareFlag,
    Scaling,
    Share,
    check_settings,
    part,
)
from wildtrack.console import console, program, track
from wildtrack.errors import UserError
from wildtrack.storage.files import remove_files

PANELS = "search_[0-9]*_*.png"
DECISIONS = {
    "match": "match",
    "review": "for review: have a look yourself",
    "new": "new: an animal that is not in the gallery",
    None: "the most similar known animals",
}


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line: --topk 3."""

    photos: tyro.conf.Positional[tuple[str, ...]] = ()  # files, folders or patterns; none: the demo's new photos
    topk: Annotated[int, Range(1, 100)] = 5  # how many identities to name
    json: bool = False  # print a JSON list, one object a photo, and nothing else on standard output
    panels: bool = True  # draw a picture for each photo; those of the search before are removed
    rebuild: bool = False  # build the index again, from the photos there are now
    data: Path | None = None  # gallery photos; None: those it has, or for a new gallery those of the training
    artifacts: Folder = Path("artifacts")  # the trained model, and the gallery
    results: Folder = Path("results")  # where the pictures go
    matcher: str = "auto"  # embedding, local, fused; auto: whichever did best on validation photos
    false_match_rate: Share = 0.01  # share of new animals' photos that may be called a match
    viewpoint: str = ""  # which side of the animal the photos show, in the catalogue's words (left); "": not known
    points: bool = False  # with --json: also where the points lie that two photos share
    exact: RareFlag = False  # compare with every gallery photo, even with so many that answers would be approximate
    scaling: Scaling = "auto"  # pixel range a third-party model expects
    cache_gb: DiskSpace = 10.0  # disk space for decoded photos, and as much each for embeddings and keypoints
    verify: RareFlag = False  # with --rebuild: read every photo again instead of trusting its size and date
    custom_objects: CustomObjects = field(default_factory=dict)  # in the script: {"MyLayer": MyLayer}


def search(config: Config) -> None:
    """Photos -> features -> gallery -> answers."""
    paths = check(config)
    artifacts = open_artifacts(config.artifacts)
    search_config = replace(part(SearchConfig, config), explains=config.panels or config.points)
    searcher = open_searcher(artifacts, search_config, GalleryConfig.of(config))

    answers = [answer_photo(path, searcher, config.topk) for path in track(paths, "Searching", len(paths))]
    if not config.json:
        print_answers(answers, of_the_demo=not config.photos)
    if config.panels:  # after the answers: nobody waits for a picture to read a name
        answers = with_panels(answers, searcher, config.results)
    if config.json:
        print(json.dumps([as_json(answer, config.points) for answer in answers], indent=2))
    report_unreadable(answers, config.results / "search_problems.csv")


def check(config: Config) -> list[Path]:
    """Refuse what cannot work before anything is opened; the photos to ask about."""
    check_settings(config)
    if not config.photos and not DEMO_NEW.is_dir():
        raise UserError(f"name the photos to ask about: {program('search')} PHOTO [PHOTO ...]")
    paths = find_photos(config.photos or (str(DEMO_NEW),))
    if config.points and not config.json:
        raise UserError("--points says with --json where the points lie that two photos share; add --json")
    return paths


def report_unreadable(answers: list[Answer], problems: Path) -> None:
    """List the photos that cannot be read; a UserError where none can."""
    unreadable = [(answer.photo, answer.reason or "") for answer in answers if answer.status == "unreadable"]
    report_problems(problems, problem_table(unreadable))
    if len(unreadable) == len(answers):
        raise UserError(
            f"none of the {len(answers)} photos can be read; the first: {unreadable[0][0]}: {unreadable[0][1]}"
        )


def with_panels(answers: list[Answer], searcher: Searcher, results: Path) -> list[Answer]:
    """Draw a picture for each answer; the same answers, which name it."""
    from wildtrack.visualization.retrieval_panels import (
        draw_answer,  # matplotlib takes a second: not before the answers
    )

    remove_files(results, PANELS)  # an earlier search's must not pass for this one's
    drawn = []
    for number, answer in enumerate(track(answers, "Drawing pictures", len(answers)), start=1):
        panel = results / f"search_{number}_{Path(answer.photo).stem[:50]}.png"
        if answer.status == "ok":
            draw_answer(answer, searcher, panel)
        drawn.append(replace(answer, panel=panel.as_posix()) if answer.status == "ok" else answer)
    panels = [answer.panel for answer in drawn if answer.panel]
    if panels:
        console.print(f"Picture: {panels[0]}" + (f" and {len(panels) - 1} more beside it" if panels[1:] else ""))
    return drawn


def as_json(answer: Answer, with_points: bool) -> dict[str, Any]:
    """An answer for machines; where the shared points lie is long, and only there when asked for."""
    values = asdict(answer)
    for candidate in values["candidates"] if not with_points else ():
        del candidate["points"]
    return values


def print_answers(answers: list[Answer], of_the_demo: bool) -> None:
    """The answers for people, at once: what comes after them takes longer."""
    for answer in answers:
        print_answer(answer)
    if of_the_demo:
        print(f'Who they really are: {DEMO_NEW / "answers.csv"}; "unknown" is a turtle that nobody has met before.')
    sys.stdout.flush()


def print_answer(answer: Answer) -> None:
    """One line a candidate, for people."""
    if answer.status == "unreadable":
        print(f"{answer.photo}: cannot be read: {answer.reason}")
        return
    known = (
        f" (this very file is in the index as {answer.already_known_as}; left out)" if answer.already_known_as else ""
    )
    viewpoint = f" (as {answer.viewpoint})" if answer.viewpoint else ""
    print(f"{answer.photo}{viewpoint}: {DECISIONS[answer.decision]}{known}")
    for candidate in answer.candidates:
        sure = "" if candidate.probability is None else f"P(same) {candidate.probability:.2f}  "
        points = "" if candidate.shared_points is None else f"{candidate.shared_points} shared points  "
        seen = f"  only known from: {candidate.other_viewpoint}" if candidate.other_viewpoint else ""
        print(
            f"  {candidate.rank}. {candidate.identity}  {sure}{points}network similarity {candidate.similarity:.2f}  "
            f"({candidate.path}){seen}"
        )
