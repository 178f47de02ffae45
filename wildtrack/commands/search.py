"""Ask who the animals on new photos are.

  wildtrack search new_photo.jpg               one photo, several, folders, or patterns such as "new/*.jpg"
  wildtrack search new_photo.jpg --json        the answer for machines
  wildtrack search                             the demo's new photos

The first call builds the index from every labelled photo; build it again with --rebuild when photos were added.
"""

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Annotated

import tyro

from wildtrack.access.catalogue import problem_table
from wildtrack.access.demo import DEMO_NEW
from wildtrack.access.photos.find import find_photos
from wildtrack.access.problems import report_problems
from wildtrack.access.reading import ReadConfig
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.gallery.answers import Answer
from wildtrack.address.gallery.build import GalleryConfig, open_searcher
from wildtrack.address.gallery.searcher import SearchConfig, Searcher, answer_photo
from wildtrack.config import CustomObjects, DiskSpace, Folder, Range, RareFlag, Scaling, Share, check_settings, part
from wildtrack.console import console, program, track
from wildtrack.errors import UserError
from wildtrack.storage.files import remove_files

PANELS = r"search_\d+_.*\.png"
DECISIONS = {
    "match": "match",
    "review": "for review: have a look yourself",
    "new": "new: an animal that is not in the gallery",
    None: "the most similar known animals",
}


@dataclass(frozen=True)
class Config(ReadConfig):
    """Change a value here, or on the command line: --topk 3."""

    photos: tyro.conf.Positional[tuple[str, ...]] = ()  # files, folders or patterns; none: the demo's new photos
    topk: Annotated[int, Range(1, 100)] = 5  # how many identities to name
    json: bool = False  # print a JSON list, one object per photo, and nothing else on standard output
    panels: bool = True  # draw a picture for each photo; those of the search before are removed
    rebuild: bool = False  # build the index again, from the photos there are now
    data: Path | None = None  # known photos; None: those of the index, or of the training if there is no index
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
        print(*map(in_words, answers), sep="\n")
        if not config.photos:
            print(f'The right names: {DEMO_NEW / "answers.csv"}; "unknown" is a turtle that is not in the gallery.')
        sys.stdout.flush()  # before the pictures, which take longer
    if config.panels:
        answers = draw_panels(answers, searcher, config.results)
    if config.json:
        values = list(map(asdict, answers))
        if not config.points:  # they are long
            for candidate in chain.from_iterable(each["candidates"] for each in values):
                del candidate["points"]
        print(json.dumps(values, indent=2))
    unreadable = [(answer.photo, answer.reason or "") for answer in answers if answer.status == "unreadable"]
    report_problems(config.results / "search_problems.csv", problem_table(unreadable))
    if len(unreadable) == len(answers):
        path, reason = unreadable[0]
        raise UserError(f"none of the {len(answers)} photos can be read; the first: {path}: {reason}")


def check(config: Config) -> list[Path]:
    """The photos to search for; a UserError for settings that cannot work, before anything is opened."""
    check_settings(config)
    if not config.photos and not DEMO_NEW.is_dir():
        raise UserError(f"name the photos to search for: {program('search')} PHOTO [PHOTO ...]")
    if config.points and not config.json:
        raise UserError("--points adds the places of shared points to --json; add --json")
    return find_photos(config.photos or (str(DEMO_NEW),))


def draw_panels(answers: list[Answer], searcher: Searcher, results: Path) -> list[Answer]:
    """Draw a picture for each answer; the answers with the pictures' paths."""
    from wildtrack.visualization.retrieval_panels import draw_answer  # matplotlib takes a second: after the answers

    remove_files(results, PANELS)  # of an earlier search
    drawn = answers[:]
    for number, answer in enumerate(track(answers, "Drawing pictures", len(answers))):
        if answer.status == "ok":
            panel = results / f"search_{number + 1}_{Path(answer.photo).stem[:50]}.png"
            draw_answer(answer, searcher, panel)
            drawn[number] = replace(answer, panel=panel.as_posix())
    if panels := [answer.panel for answer in drawn if answer.panel]:
        console.print(f"Picture: {panels[0]}" + (f", and {len(panels) - 1} more" if panels[1:] else ""))
    return drawn


def in_words(answer: Answer) -> str:
    """An answer for the terminal: the decision, and a line for each candidate."""
    if answer.status == "unreadable":
        return f"{answer.photo}: cannot be read: {answer.reason}"
    known = f" (this file is in the gallery as {answer.already_known_as}; left out)" if answer.already_known_as else ""
    viewpoint = f" (as {answer.viewpoint})" if answer.viewpoint else ""
    lines = [f"{answer.photo}{viewpoint}: {DECISIONS[answer.decision]}{known}"]
    for each in answer.candidates:
        probability = "" if each.probability is None else f"P(same) {each.probability:.2f}  "
        points = "" if each.shared_points is None else f"{each.shared_points} shared points  "
        seen = f"  only known from: {each.other_viewpoint}" if each.other_viewpoint else ""
        figures = f"{probability}{points}network similarity {each.similarity:.2f}"
        lines.append(f"  {each.rank}. {each.identity}  {figures}  ({each.path}){seen}")
    return "\n".join(lines)
