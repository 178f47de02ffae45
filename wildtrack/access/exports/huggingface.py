"""A catalogue as a Hugging Face dataset: on disk for `datasets.load_from_disk`, and on the Hub.

The photos in it have no metadata, and are whole and upright, so that `bbox` fits them.
"""

import json
import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.catalogue import Catalogue, problem_table
from wildtrack.access.cells import NUMBERS
from wildtrack.access.exports import needed_package
from wildtrack.access.photos.reader import PhotoError
from wildtrack.access.photos.strip_metadata import strip_photos
from wildtrack.access.sources.card import Card, body
from wildtrack.errors import UserError
from wildtrack.storage.files import new_folder, write_text

if TYPE_CHECKING:
    from datasets import Dataset

_PACKAGE = ("datasets", "Hugging Face datasets")
_HUB_LICENCES = ("cdla-permissive-1.0",)  # as the Hub spells those of the cards; others are "other"
_ALLOWS_COPIES = re.compile(  # whole names, since "not CC BY" holds one too; words joined by dashes
    r"""
    cdla-(permissive|sharing)(-\d-\d)?
    | cc0(-1-0)?(-universal)? | public-domain(-mark)?(-1-0)?
    | cc-by(-nc)?(-sa)?(-\d-\d(-international|-unported|-[a-z]{2})?)?
    | (https?-)?(www-)?creativecommons-org
      -(licenses-by(-nc)?(-sa)?-\d-\d(-[a-z]{2}|-igo)?|publicdomain-(zero|mark)-1-0)(-deed(-[a-z]{2})?|-legalcode)?
    """,
    re.VERBOSE,
)


def check(catalogue: Catalogue, card: Card | None) -> None:  # noqa: ARG001
    """Refuse if the package is missing; see `exports.check_export`."""
    needed_package(*_PACKAGE)


def write(catalogue: Catalogue, folder: Path, card: Card | None) -> tuple[str, pd.DataFrame]:
    """Write the dataset and its README.md; see `exports.export`."""
    problems: list[tuple[str, str]] = []
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        new_folder(folder) as part,
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-", ignore_cleanup_errors=True) as cache,
    ):
        dataset = _dataset(catalogue, problems, Path(cache))
        dataset.save_to_disk(str(part))
        write_text(part / "README.md", dataset_card(card))
        del dataset
    return f"{folder}, for datasets.load_from_disk", problem_table(problems)


def _dataset(catalogue: Catalogue, problems: list[tuple[str, str]], cache: Path) -> "Dataset":
    """A dataset of the catalogue's rows, in `cache` while it is open; photos that cannot be read go to `problems`."""
    datasets = needed_package(*_PACKAGE)
    table = catalogue.table
    number, text = datasets.Value("float64"), datasets.Value("string")
    features = {column: number if column in NUMBERS else text for column in table.columns}
    if "bbox" in table:
        features["bbox"] = datasets.Sequence(number, length=4)

    def rows() -> Iterator[dict[Any, Any]]:
        records = table.astype(object).where(table.notna(), None).to_dict("records")
        photos = strip_photos([(catalogue.root / path, None) for path in table["path"]], "Exporting")
        for record, box, photo in zip(records, boxes(table), photos, strict=True):
            if isinstance(photo, PhotoError):
                problems.append((record["path"], str(photo)))
            else:
                image = {"image": {"bytes": photo.content, "path": None}}
                yield image | record if box is None else image | record | {"bbox": list(box)}

    datasets.disable_progress_bars()  # WildTrack's own counts photos
    try:
        dataset: Dataset = datasets.Dataset.from_generator(
            rows,
            features=datasets.Features({"image": datasets.Image()} | features),
            cache_dir=str(cache),
            fingerprint=secrets.token_hex(8),  # or it would find the last export of other photos in its cache
        )
    except ValueError as error:
        if len(problems) < len(table):
            raise
        raise UserError(f"none of the {len(table)} photos can be read; the first: {': '.join(problems[0])}") from error
    return dataset


def push(folder: Path, repo_id: str, card: Card | None, force: bool = False) -> str:
    """Upload the folder of `write` to OWNER/NAME, private if new, and return where; a UserError if it is public."""
    datasets = needed_package(*_PACKAGE)
    import huggingface_hub
    from huggingface_hub.errors import HTTPError  # of the HTTP library, which is another one in each major version

    try:
        huggingface_hub.create_repo(repo_id, repo_type="dataset", private=True, exist_ok=True)
        private = huggingface_hub.repo_info(repo_id, repo_type="dataset").private  # of an old one, as it was
        if not (private or force):
            advice = "make it private there, name another one, or add --force if everyone may see the photos"
            raise UserError(f"--push-to {repo_id}: this repository is public; {advice}")
        huggingface_hub.DatasetCard(dataset_card(card)).push_to_hub(repo_id)  # first: the next line adds to it
        datasets.load_from_disk(str(folder)).push_to_hub(repo_id)
    except (OSError, ValueError, HTTPError) as error:  # refused, odd names or no token, no network
        advice = f"log in with: hf auth login; the dataset itself is in {folder}"
        raise UserError(f"--push-to {repo_id}: {error}; {advice}") from error
    who = "private; open it there when you mean to publish it" if private else "public"
    return f"https://huggingface.co/datasets/{repo_id}, {who}"


def check_copies_allowed(table: pd.DataFrame, card: Card | None, repo_id: str) -> None:
    """Raise a UserError where the licence of the source (None: unknown) or a photo does not clearly allow copies."""
    licences = [card.licence if card is not None else "unknown"]
    if "license" in table:
        licences += table["license"].dropna().unique().tolist()
    refused = [licence for licence in licences if not allows_copies(licence)]
    if refused:
        why = f"the licence {refused[0]!r} does not clearly allow changed copies"
        raise UserError(f"--push-to {repo_id}: {why}; if the photos are yours, or their owners agree, add --force")


def allows_copies(licence: str) -> bool:
    """Whether a licence, by name or by URL, lets everyone pass on changed copies."""
    return _ALLOWS_COPIES.fullmatch(_with_dashes(licence)) is not None


def dataset_card(card: Card | None) -> str:
    """README.md as the Hub reads it: YAML between dashes, then Markdown."""
    licence = card.licence.casefold() if card is not None else "unknown"
    head: dict[str, Any] = {"license": licence if licence in _HUB_LICENCES else "other"}
    if card is not None and head["license"] == "other":
        head |= {"license_name": _with_dashes(licence), "license_link": card.licence_url}
    head |= {"pretty_name": card.title if card is not None else "Animal re-identification"}
    head |= {"task_categories": ["image-feature-extraction"], "tags": ["biology", "wildlife", "re-identification"]}
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]  # JSON is YAML
    text = body(card) if card is not None else "# Photos of individual animals\n"
    note = "Exported by WildTrack: photos encoded anew, without metadata; `bbox` is [x, y, width, height] in pixels.\n"
    return "\n".join(["---", *lines, "---", "", text, note])


def _with_dashes(licence: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", licence.casefold()).strip("-")
