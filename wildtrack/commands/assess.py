"""Look at a dataset before anyone trains on it: what is in it, and what is wrong with it.

  wildtrack assess                          the demo's photos
  wildtrack assess --data my_photos         your own
  wildtrack assess --remove-duplicates      also write a catalogue without the copies; no photo is deleted.
      The copy with the fewest quality flags stays, then the largest; copies with two names stay for a person to judge
  wildtrack assess --save-split             also write the catalogue with a split that can be trusted

Writes results/assess: report.html, its charts and its tables.
"""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.demo import DEMO, make_demo_once
from wildtrack.access.photos.pixel_cache import decode_catalogue, photo_reader
from wildtrack.access.problems import report_problems
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.reading import ReadConfig
from wildtrack.address.artifacts import holds_model, open_artifacts
from wildtrack.address.features.embeddings import cached_outputs
from wildtrack.address.models.saved import LoadingConfig, open_onnx
from wildtrack.assess.checks import PIXELS, Checks, check_catalogue
from wildtrack.assess.derived import write_with_split, write_without_copies
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.assess.findings import LEVELS, findings
from wildtrack.assess.labels.audit import Audit, audit_labels
from wildtrack.assess.quality.flags import Thresholds, check_thresholds
from wildtrack.assess.splits import SplitConfig
from wildtrack.config import DiskSpace, Folder, Hours, Range, RareFlag, Seed, check_settings, part
from wildtrack.console import console, program
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.files import remove_files, write_bytes, write_csv, write_text
from wildtrack.storage.json_files import plain
from wildtrack.storage.ownership import refuse_foreign

log = logging.getLogger("wildtrack")


@dataclass(frozen=True)
class Config(ReadConfig):
    """Change a value here, or on the command line: --thresholds.blurry 0.6."""

    data: Path = DEMO  # a folder with a folder of photos per animal, a CSV, or a COCO .json
    results: Folder = Path("results/assess")  # where the report goes
    artifacts: Folder = Path("artifacts")  # a trained model, if there is one, to look for wrong labels
    split_column: str | None = None  # the column whose leakage is measured; None: the layout's own split
    encounter_hours: Hours = 12.0  # photos of one animal with shorter gaps are one encounter
    test_share: Annotated[float, Range(0, 0.9)] = 0.2  # share of each animal's photos that the suggested split tests
    valid_share: Annotated[float, Range(0, 0.9)] = 0.15  # share of the rest, for validation
    remove_duplicates: bool = False  # write cleaned.csv next to the photos, without copies under the same name
    save_split: bool = False  # write split.csv next to the photos: the named animals with the suggested split
    thresholds: Thresholds = field(default_factory=Thresholds)  # from where on a photo is flagged
    seed: Seed = 0  # the same seed gives the same sample of photos, and the same random split
    cache_gb: DiskSpace = 10.0  # disk space for decoded photos, and as much for embeddings
    verify: RareFlag = False  # read every photo again instead of trusting its size and date


def assess(config: Config) -> None:
    """Catalogue -> photos -> what every check says -> tables -> one page."""
    check_settings(config)
    check_thresholds(config.thresholds)
    make_demo_once(config.data)
    catalogue = load_catalogue(config.data, config.split_column, config=part(ReadConfig, config))
    console.print(catalogue.understood)
    has_model = check_artifacts(config.artifacts)
    cleaned, resplit = check_targets(config, catalogue.root)
    photos = decode_catalogue(catalogue.table, catalogue.root, PIXELS, part(CacheConfig, config))
    hashes = perceptual_hashes(photos.small)
    checks = check_catalogue(catalogue, photos, hashes, config.thresholds, part(SplitConfig, config))
    write_tables(checks, config.results)
    audits = has_model and checks.anybody_named
    audit = audit_with_model(config, catalogue, checks, photos.digests, hashes) if audits else None
    write_report(config, catalogue, checks, audit)
    if config.remove_duplicates:
        for sentence in write_without_copies(checks, catalogue, cleaned, config.results / "removed.csv"):
            console.print(sentence)
    if config.save_split:
        console.print(write_with_split(checks, catalogue, resplit, without_copies=config.remove_duplicates))


def check_targets(config: Config, root: Path) -> tuple[Path, Path]:
    """Paths of the catalogues without copies and with the suggested split; refuse to replace what is not ours."""
    check_results(config.results, config.data)
    cleaned, resplit = root / "cleaned.csv", root / "split.csv"
    for target in [cleaned] * config.remove_duplicates + [resplit] * config.save_split:
        if target.resolve() == config.data.resolve():  # its rows would be lost
            ending = "is the file that would be written; name the photos or catalogue it came from"
            raise UserError(f"--data {config.data} {ending}")
        refuse_foreign(target)
    return cleaned, resplit


def check_results(results: Path, data: Path) -> None:
    """Make the folder; refuse one inside the dataset, and one with files that are not of a report."""
    if data.is_dir() and results.resolve().is_relative_to(data.resolve()):
        raise UserError(f"--results {results} is inside the dataset {data}; name a folder outside of it")
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # a file is in the way, nobody may write there, the name is too long
        raise UserError(f"--results {results} cannot be a folder: {error.strerror}; name another one") from error
    if any(results.iterdir()) and not (results / "statistics.json").is_file():
        raise UserError(f"--results {results} holds files that are not of a report; name a new or an empty folder")


def check_artifacts(artifacts: Path) -> bool:
    """Whether there is a trained model; a folder that the user names must hold one."""
    found = holds_model(artifacts)
    if not found and artifacts != Config.artifacts:
        advice = f"name a folder that {program('train')} wrote, or leave it out to assess the photos alone"
        raise UserError(f"--artifacts {artifacts} holds no trained model; {advice}")
    return found


def audit_with_model(
    config: Config, catalogue: Catalogue, checks: Checks, digests: list[str], hashes: np.ndarray
) -> Audit | None:
    """The labels that a trained model contradicts; None when the model cannot be used."""
    try:
        artifacts = open_artifacts(config.artifacts)
        engine = open_onnx(artifacts, LoadingConfig())
        if engine is None:
            raise UserError(f"{config.artifacts} has no model.onnx of the model in it; {program('search')} makes one")
    except UserError as error:  # the rest of the report does not depend on it
        log.warning("No label audit: %s", error)
        return None
    cache = part(CacheConfig, config)
    read = photo_reader(checks.table, catalogue.root, digests, artifacts.preprocessor.image_size, cache)
    embedded = cached_outputs(engine, engine.cache_name, checks.table, digests, read, cache)
    rows, embeddings = embedded.rows, embedded.outputs["embedding"]  # a photo may have gone bad since
    seen = np.linalg.norm(embeddings, axis=1) > 0  # zero where the network recognises nothing in a photo
    if not seen.all():
        log.warning("Photos without an embedding, left out of the label audit: %d.", (~seen).sum())
    table = checks.table.iloc[rows[seen]].reset_index(drop=True)
    learnt = artifacts.trained_on([digests[row] for row in rows[seen]])
    return audit_labels(table, embeddings[seen], config.encounter_hours, hashes[rows][seen], learnt).believable()


def write_tables(checks: Checks, results: Path) -> None:
    """Write the tables of the report, statistics.json first: `check_results` knows a report's folder by it."""
    numbers = plain({**checks.statistics, "leakage": checks.leakage})
    write_text(results / "statistics.json", json.dumps(numbers, indent=2, allow_nan=False) + "\n")
    report_problems(results / "problems.csv", checks.problems)
    write_csv(results / "quality.csv", checks.quality_with_issues())
    write_csv(results / "duplicates.csv", checks.duplicates)
    write_csv(results / "split.csv", checks.suggested)


def write_report(config: Config, catalogue: Catalogue, checks: Checks, audit: Audit | None) -> None:
    """Write the charts and the page; print the findings."""
    from wildtrack.visualization.catalogue_sections import CHARTS, all_sections  # matplotlib: not for --help
    from wildtrack.visualization.html_report import report_page

    remove_files(config.results, rf"{CHARTS}|suspicious_(photos|pairs|identities)\.csv")  # of an earlier report
    for table in ("photos", "pairs", "identities") if audit is not None else ():
        write_csv(config.results / f"suspicious_{table}.csv", getattr(audit, table))
    sections = all_sections(checks, audit, catalogue.root, config.encounter_hours, config.seed)
    for section in sections:
        for chart in section.charts:
            write_bytes(config.results / f"{chart.name}.png", chart.png)
    found = findings(checks, audit, catalogue.doubts)
    unreadable = catalogue.table["path"].nunique() - checks.table["path"].nunique()
    left_out = f"photos that cannot be read, and are not counted below: {unreadable}" if unreadable else ""
    lines = catalogue.saying(left_out).understood.splitlines()
    understood = "\n".join(line for line in lines if line not in catalogue.doubts)
    title = f"What is in {config.data.resolve().name}"
    write_text(config.results / "report.html", report_page(title, understood, found, sections))
    for finding in found:
        console.print(f"{LEVELS[finding.level]}: {finding.text}")
    console.print(f"The report: {config.results / 'report.html'}")
