"""Bring a public dataset, or a copy on disk, into the one catalogue that every script reads.

  wildtrack access                                the datasets there are
  wildtrack access nyala                          download it, and write its catalogue.csv
  wildtrack access --root my_photos               what is on disk already, in any layout that is known
  wildtrack access --root my_photos --export csv  its catalogue.csv in another form, to pass on
  wildtrack access --root traps --boxes detections.json --unlabelled --crop animals
      camera-trap photos and MegaDetector's boxes, cut out

Writes catalogue.csv next to the photos, and problems.csv: what was left out, and why.
"""

import sys
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from wildtrack.access import sources
from wildtrack.access.catalogue import Catalogue
from wildtrack.access.detection.boxed import catalogue_of_detections, with_boxes
from wildtrack.access.detection.crops import crops_in_words, write_crops
from wildtrack.access.detection.detections import read_detections
from wildtrack.access.exports import Format, check_export, export, huggingface, without_positions
from wildtrack.access.labelled import is_labelled
from wildtrack.access.problems import report_problems
from wildtrack.access.readers.folders import read_unnamed
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.readers.table import is_catalogue, read_table
from wildtrack.access.reading import ReadConfig
from wildtrack.access.save import save_catalogue
from wildtrack.access.sources.source import Source
from wildtrack.config import FOLDER, Folder, Share, check_settings, part
from wildtrack.console import console, program
from wildtrack.errors import UserError
from wildtrack.storage.files import refuse_used


@dataclass(frozen=True)
class Config(ReadConfig):
    """Change a value here, or on the command line: --part turtle."""

    name: tyro.conf.Positional[str | None] = None  # a dataset of the list; without it and --root: show the list
    root: Annotated[Path | None, FOLDER] = None  # a copy already on disk: nothing is downloaded
    split_column: str | None = None  # of a CSV, or of seaturtleid2022: split_closed (None), split_closed_random, ...
    part: str | None = None  # of seaturtleid2022: head (None), flipper or turtle
    cache: Annotated[Path | None, FOLDER] = None  # where downloads go; None: $WILDTRACK_CACHE or the system's cache
    boxes: Path | None = None  # JSON of a detector (MegaDetector, AddaxAI, SpeciesNet ...), for photos without boxes
    min_confidence: Share = 0.2  # with --boxes: ignore detections less sure than this, 0 to 1
    unlabelled: bool = False  # folders are cameras or days, or there are none: every animal is "unknown"
    crop: Annotated[Path | None, FOLDER] = None  # a new folder for the cut-out animals and a catalogue of their own
    export: tuple[Format, ...] = ()  # other forms of the catalogue: csv, huggingface, fiftyone, camtrapdp
    to: Folder = Path("exports")  # where --export writes, a folder for each form
    positions: bool = False  # let crops and exports say where the animals were met
    push_to: str | None = None  # OWNER/NAME on the Hugging Face Hub, for what --export huggingface has written
    force: bool = False  # with --push-to: even if no licence clearly allows it or the repository is public


def access(config: Config) -> None:
    """Source -> root -> catalogue -> catalogue.csv -> crops, exports."""
    check(config)
    if config.name is None and config.root is None:
        list_sources()
        return
    source = sources.load(config.name) if config.name is not None else None
    root = find_root(config, source)
    target = root / "catalogue.csv"
    reads_anew = any((config.boxes, config.split_column, config.part, config.unlabelled))
    unchanged = bool(config.crop or config.export) and not reads_anew and is_catalogue(target)
    catalogue = read_table(target, config=part(ReadConfig, config)) if unchanged else read(config, source, root)
    console.print(catalogue.understood)
    shared = catalogue if config.positions else replace(catalogue, table=without_positions(catalogue.table))
    check_targets(config, shared, source)
    if not unchanged or len(catalogue.problems):
        save_catalogue(catalogue, unchanged=unchanged)
    if config.crop is not None:
        crops = write_crops(shared, config.crop)
        target = config.crop / "catalogue.csv"
        console.print(crops_in_words(catalogue.table, crops, config.crop))
    for form in dict.fromkeys(config.export):
        written, problems = export(form, shared, config.to / form, source)
        report_problems(config.to / f"{form}_problems.csv", problems)
        console.print(f"Exported {written}.")
    if config.push_to is not None:
        console.print("Uploaded to", huggingface.push(config.to / "huggingface", config.push_to, source, config.force))
    console.print(f"The catalogue is {target}. What next? {next_step(config, catalogue, target)}")


def next_step(config: Config, catalogue: Catalogue, target: Path) -> str:
    """What to do with the catalogue at `target`: train on known animals, search for unknown ones."""
    train = f'{program("train")} --data "{target}"'
    if is_labelled(catalogue.table):
        return train
    if config.crop is None and "bbox" in catalogue.table:
        cut = f'{program("access")} --root "{target.parent}" --crop NEW_FOLDER'  # reads boxes from catalogue.csv
        return f"{cut}, which cuts out the animals: a search compares whole photos"
    search = f'With a model trained on animals you know: {program("search")} "{target.parent}". Without one yet, '
    return f"{search}write the names of those you know into the catalogue's column identity first, then: {train}"


def check(config: Config) -> None:
    """Refuse settings that do not go together, before anything is downloaded."""
    check_settings(config)
    changed = [field.name for field in fields(config) if getattr(config, field.name) != field.default]
    if changed and config.name is None and config.root is None:
        advice = f"add its NAME ({program('access')} lists them), or --root and the folder of your own photos"
        raise UserError(f"--{changed[0].replace('_', '-')} has no effect without a dataset; {advice}")
    if config.unlabelled and config.root is None:
        raise UserError("--unlabelled needs --root, the folder of the photos")
    if config.unlabelled and (config.split_column is not None or config.part is not None):
        raise UserError("--unlabelled photos have no columns and no parts; leave --split-column and --part out")
    if config.push_to is not None and "huggingface" not in config.export:
        raise UserError(f"--push-to {config.push_to} needs --export huggingface, which makes what is uploaded")


def check_targets(config: Config, catalogue: Catalogue, source: Source | None) -> None:
    """Refuse crops and exports that cannot be made, before any of them is."""
    for setting, folder in (("crop", config.crop), ("to", config.to if config.export else None)):
        if folder is not None and folder.resolve().is_relative_to(catalogue.root.resolve()):
            raise UserError(f"--{setting} {folder} is inside the dataset {catalogue.root}; name a folder outside of it")
    if config.push_to is not None and not config.force:
        huggingface.check_copies_allowed(catalogue.table, source, config.push_to)
    if config.crop is not None:
        refuse_used(config.crop)
    for form in config.export:
        refuse_used(config.to / form)
        check_export(form, catalogue, source)


def find_root(config: Config, source: Source | None) -> Path:
    """The folder of the dataset, downloaded where it is not on disk."""
    if config.root is None and source is not None:
        return source.download_and_extract(config.cache)
    if config.root is None or not config.root.is_dir():
        raise UserError(f"--root {config.root} is no folder; give the folder of the dataset")
    if source is not None:
        source.check_layout(config.root)
    return config.root


def read(config: Config, source: Source | None, root: Path) -> Catalogue:
    """The catalogue of the dataset in `root`, read from its photos and labels."""
    if config.boxes is not None and config.unlabelled:
        return catalogue_of_detections(read_detections(config.boxes, config.min_confidence), root)
    reading = part(ReadConfig, config)
    if config.unlabelled:
        return read_unnamed(root, reading)
    reader = source.read if source is not None else partial(load_catalogue, original=True)
    try:
        catalogue = reader(root, split_column=config.split_column, part=config.part, config=reading)
    except UserError as error:
        if config.boxes is None or source is not None:
            raise
        raise UserError(f"{error}; are the folders cameras or days, not animals? add --unlabelled") from error
    if config.boxes is None:
        return catalogue
    return with_boxes(catalogue, read_detections(config.boxes, config.min_confidence))


def list_sources() -> None:
    """Print the datasets as a table on standard output, two lines each: one is too long for 80 columns."""
    head = ("name\n  licence", "photos", "animals", "species\ndownload")
    table = Table(*head, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.columns[1].justify = table.columns[2].justify = "right"
    for card in sources.cards():
        what = ", ".join(entry.name for entry in card.species) + f"\n{card.size}"
        table.add_row(f"{card.slug}\n  {card.licence}", f"{card.photos:,}", f"{card.identities:,}", what)
    Console(file=sys.stdout, markup=False, highlight=False).print(table)
    console.print(f"More on each: docs/datasets. To get one: {program('access')} NAME")
