"""Ask who the animals on new photos are.

  python search.py new_photo.jpg               one photo, several, folders, or patterns such as "new/*.jpg"
  python search.py new_photo.jpg --json        the answer for machines
  python search.py                             the demo's new photos

The first call builds the index from every labelled photo; build it again with --rebuild when photos were added.
"""

import glob
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import tyro

from wildtrack.access.catalogue import load_catalogue, problem_table
from wildtrack.access.labelled import labelled_photos
from wildtrack.access.photos import PHOTO_SUFFIXES, PhotoError, read_photo
from wildtrack.access.problems import report_problems
from wildtrack.address.answers import Answer, Candidate
from wildtrack.address.artifacts import Artifacts, onnx_is_current, open_artifacts
from wildtrack.address.embed import OnnxEngine, run_all
from wildtrack.address.index import META_COLUMNS, Index, nearest_photos, open_index, save_index
from wildtrack.console import console, load_tensorflow, run, track
from wildtrack.errors import UserError
from wildtrack.files import sha256
from wildtrack.knobs import check_range

DEMO_NEW = Path("data/demo-new-photos")
CUSTOM_OBJECTS: Mapping[str, Any] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}


@dataclass(frozen=True)
class Knobs:
    """Change a value here, or on the command line: --topk 3."""

    photos: tyro.conf.Positional[tuple[str, ...]] = ()  # files, folders or patterns; none: the demo's new photos
    topk: int = 5  # how many identities to name
    json: bool = False  # print a JSON list, one object a photo, and nothing else on standard output
    panels: bool = True  # draw a picture for each photo
    rebuild: bool = False  # build the index again, from the photos there are now
    data: Path | None = None  # known photos for the index; None: those the model was trained on
    artifacts: Path = Path("artifacts")  # the trained model, and the index
    results: Path = Path("results")  # where the pictures go
    scaling: Literal["auto", "0-255", "0-1", "-1-1"] = "auto"  # pixel range a model from elsewhere expects
    cache_gb: float = 10.0  # disk space for decoded photos


def main(knobs: Knobs) -> None:
    """Photos -> embeddings -> index -> answers."""
    check_range(topk=(knobs.topk, 1, 100), cache_gb=(knobs.cache_gb, 0.01, math.inf))
    paths = find_photos(knobs.photos)
    artifacts = open_artifacts(knobs.artifacts)
    index, engine = ready_index(knobs, artifacts)
    answers = []
    for number, path in enumerate(track(paths, "searching", len(paths)), start=1):
        try:
            answers.append(ask(path, number, index, engine, artifacts.preprocessor.image_size, knobs))
        except PhotoError as error:
            answers.append(Answer(path.as_posix(), "unreadable", reason=str(error)))
    unreadable = [(answer.photo, answer.reason or "") for answer in answers if answer.status == "unreadable"]
    report_problems(knobs.results / "search_problems.csv", problem_table(unreadable))
    if knobs.json:
        print(json.dumps([asdict(answer) for answer in answers], indent=2))
    else:
        for answer in answers:
            print_answer(answer)
    if len(unreadable) == len(answers):
        raise UserError(
            f"none of the {len(answers)} photos can be read; the first: {unreadable[0][0]}: {unreadable[0][1]}"
        )


def ask(path: Path, number: int, index: Index, engine: OnnxEngine, size: tuple[int, int], knobs: Knobs) -> Answer:
    """The answer for one photo, and its panel."""
    embedding = engine.run(read_photo(path, size)[None])["embedding"][0]  # (D,)
    is_itself = (index.meta["sha256"] == sha256(path)).to_numpy()
    best = nearest_photos(index, embedding, knobs.topk, excluded=is_itself)
    counts = index.meta["identity"].value_counts()
    candidates = [
        Candidate(
            rank=rank,
            identity=row["identity"],
            similarity=round(float(row["similarity"]), 4),
            path=row["path"],
            image_id=row["image_id"],
            orientation=row["orientation"] or None,
            date=row["date"] or None,
            known_photos=int(counts[row["identity"]]),
        )
        for rank, row in enumerate(best.to_dict("records"), start=1)
    ]
    panel = knobs.results / f"search_{number}_{path.stem[:50]}.png" if knobs.panels else None
    if panel is not None:
        draw_panel(path, candidates, best, index.root, panel)
    return Answer(
        path.as_posix(),
        "ok",
        candidates=candidates,
        already_known_as=str(index.meta["identity"][is_itself].iloc[0]) if is_itself.any() else None,
        panel=None if panel is None else panel.as_posix(),
        model=index.fingerprint,
    )


def find_photos(asked: tuple[str, ...]) -> list[Path]:
    """The photos meant by files, folders and patterns, each once, in the order asked."""
    if not asked and not DEMO_NEW.is_dir():
        raise UserError("name the photos to ask about: python search.py PHOTO [PHOTO ...]")
    found: dict[Path, None] = {}
    for name in asked or (str(DEMO_NEW),):
        names = [name] if Path(name).exists() else sorted(glob.glob(name, recursive=True))  # noqa: PTH207 may be absolute
        photos = [photo for match in names for photo in photos_at(Path(match))]
        if not photos:
            raise UserError(f"{name!r} is no photo, and no folder or pattern that leads to one")
        found |= dict.fromkeys(photos)
    return list(found)


def photos_at(path: Path) -> Iterator[Path]:
    """A file itself (whatever its name: the reader decides), or a folder's photos, deep down too."""
    if path.is_file():
        yield path
    else:
        yield from sorted(
            photo for photo in path.rglob("*") if photo.suffix.lower() in PHOTO_SUFFIXES and photo.is_file()
        )


def ready_index(knobs: Knobs, artifacts: Artifacts) -> tuple[Index, OnnxEngine]:
    """The index and the engine that fits it, made on first use or when asked to."""
    model_file = artifacts.folder / "model.onnx"
    if not knobs.rebuild and onnx_is_current(artifacts, knobs.scaling):
        engine = OnnxEngine(model_file)
        index = open_index(artifacts.folder, engine.metadata["fingerprint"])
        if index is not None:
            if knobs.data is not None and index.root not in (knobs.data.resolve(), knobs.data.resolve().parent):
                raise UserError(
                    f"the index was built from {index.root}, not from {knobs.data}; build it again: --rebuild"
                )
            return index, engine
    data = artifacts.photos(knobs.data)
    catalogue = load_catalogue(data)
    console.print(f"Building the index. {catalogue.understood}")
    size = artifacts.preprocessor.image_size
    photos = labelled_photos(catalogue, size, knobs.cache_gb, knobs.results / "problems.csv")
    if not onnx_is_current(artifacts, knobs.scaling):
        load_tensorflow()
        from wildtrack.address.saved_model import export_saved_model, open_saved_model

        saved = open_saved_model(artifacts, photos.table, photos.pixels, knobs.scaling, CUSTOM_OBJECTS)
        export_saved_model(artifacts, saved)
    engine = OnnxEngine(model_file)
    embeddings = run_all(engine, photos.pixels, "embedding known photos")["embedding"]
    meta = photos.table.reindex(columns=list(META_COLUMNS)).astype(object).fillna("")
    meta["sha256"] = [sha256(catalogue.root / path) for path in meta["path"]]
    save_index(artifacts.folder, embeddings, meta, catalogue.root, engine.metadata["fingerprint"])
    index = open_index(artifacts.folder, engine.metadata["fingerprint"])
    if index is None:
        raise UserError(f"the index in {artifacts.folder} vanished while it was written")
    return index, engine


def draw_panel(path: Path, candidates: list[Candidate], best: pd.DataFrame, root: Path, panel: Path) -> None:
    """The asked photo beside the best photo of each candidate; a known photo that is gone is drawn as a blank."""
    from wildtrack.address.figures import NEUTRAL, Shown, retrieval_panel  # matplotlib: not for --help
    from wildtrack.address.reporting import shown_photo, shrink

    shown = []
    for candidate, (_, row) in zip(candidates, best.iterrows(), strict=True):
        try:
            pixels = shown_photo(root, row)
        except (PhotoError, OSError):
            pixels = np.full((240, 320, 3), 230, np.uint8)
        side = f"\n{candidate.orientation} side" if candidate.orientation else ""
        shown.append(
            Shown(
                pixels,
                f"{candidate.rank}. {candidate.identity}{side}",
                NEUTRAL,
                f"similarity {candidate.similarity:.2f}",
            )
        )
    query = Shown(shrink(read_photo(path)), path.name, NEUTRAL, "who is this?")
    retrieval_panel(query, shown, "The most similar known animals, best photo of each", panel)


def print_answer(answer: Answer) -> None:
    """One line a candidate, for people."""
    if answer.status == "unreadable":
        print(f"{answer.photo}: cannot be read: {answer.reason}")
        return
    known = (
        f" (this very file is in the index as {answer.already_known_as}; left out)" if answer.already_known_as else ""
    )
    print(f"{answer.photo}{known}")
    for candidate in answer.candidates:
        print(f"  {candidate.rank}. {candidate.identity}  similarity {candidate.similarity:.2f}  ({candidate.path})")
    if answer.panel:
        print(f"  picture: {answer.panel}")


if __name__ == "__main__":
    run(main, Knobs, __doc__)
