"""A catalogue as a FiftyOne dataset: it is kept in FiftyOne's own database and shows the photos where they are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from wildtrack.access.catalogue import Catalogue, problem_table, rename_aliases
from wildtrack.access.exports import needed_package, relative_boxes
from wildtrack.access.sources.card import Card
from wildtrack.errors import UserError

_PACKAGE = ("fiftyone", "FiftyOne datasets")


def check(catalogue: Catalogue, card: Card | None) -> None:
    """Refuse a name that is taken, or a FiftyOne that is missing or does not start; see `exports.check_export`."""
    _refuse_taken(needed_package(*_PACKAGE), _name(catalogue, card))


def write(catalogue: Catalogue, folder: Path, card: Card | None) -> tuple[str, pd.DataFrame]:  # noqa: ARG001
    """Fill a dataset named after the source, or after the folder of the photos; see `exports.export`."""
    name = _name(catalogue, card)
    problems: list[tuple[str, str]] = []
    create_fiftyone_dataset(catalogue.root, catalogue.table, name, problems=problems)
    return f"the FiftyOne dataset {name}, to be opened with: fiftyone app launch {name}", problem_table(problems)


def create_fiftyone_dataset(
    root_path: str | Path,
    metadata_df: pd.DataFrame,
    dataset_name: str,
    fields: Sequence[str] | None = None,
    problems: list[tuple[str, str]] | None = None,
) -> Any:
    """Make a persistent FiftyOne dataset of a catalogue, one sample a row.

    `bbox` becomes the detection `animal`, labelled with the identity; the other columns become fields of their names.
    A box on a photo that cannot be read is left out.

    Args:
        root_path: the folder that `path` is relative to.
        metadata_df: the catalogue's table; `filepath` and `file_name` are read as `path`.
        dataset_name: none that FiftyOne has already.
        fields: the columns to include; None: all. The photo's path is always included.
        problems: (path, reason) of the boxes that are left out is added here.

    Returns:
        The `fiftyone.Dataset`.

    Raises:
        UserError: FiftyOne is not installed or does not start, or the name or a field is refused.
    """
    fiftyone = needed_package(*_PACKAGE)
    table = metadata_df.rename(columns=rename_aliases([str(column) for column in metadata_df.columns]))
    if "path" not in table:
        raise UserError(f"the table has no column path; it has {', '.join(map(str, metadata_df.columns))}")
    wanted = [str(column) for column in table.columns if column != "path"] if fields is None else list(fields)
    wanted = [field for field in dict.fromkeys(wanted) if field not in ("path", "filepath", "file_name")]
    unknown = [field for field in wanted if field not in table]
    if unknown:
        raise UserError(f"field {unknown[0]!r} is no column of the table; it has {', '.join(map(str, table.columns))}")
    if "bbox" in table:
        table["bbox"] = table["bbox"].map(lambda box: tuple(box) if isinstance(box, list) else box)
    _refuse_taken(fiftyone, dataset_name)
    dataset = fiftyone.Dataset(dataset_name)
    root = Path(root_path)
    placed, without = relative_boxes(table, root) if "bbox" in wanted else ([None] * len(table), [])
    dataset.add_samples(_samples(fiftyone, root, table, wanted, placed), num_samples=len(table), progress=False)
    if problems is not None:
        problems += without
    dataset.persistent = True  # last: what is half filled goes when FiftyOne is closed
    return dataset


def _name(catalogue: Catalogue, card: Card | None) -> str:
    return card.slug if card is not None else catalogue.root.resolve().name


def _refuse_taken(fiftyone: Any, dataset_name: str) -> None:
    try:
        taken = fiftyone.dataset_exists(dataset_name)
    except Exception as error:  # FiftyOne's own classes share no base: no MongoDB, no rights, no room
        raise UserError(f"FiftyOne does not start: {error}") from error
    if taken:
        advice = f"delete it with: fiftyone datasets delete {dataset_name}"
        raise UserError(f"FiftyOne has a dataset {dataset_name!r} already; {advice}")


def _samples(fiftyone: Any, root: Path, table: pd.DataFrame, fields: list[str], placed: list[Any]) -> Iterator[Any]:
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    for row, box in zip(records, placed, strict=True):
        values = {field: row[field] for field in fields if field != "bbox"}
        if box is not None:
            detection = fiftyone.Detection(label=row.get("identity"), bounding_box=list(box))
            values["animal"] = fiftyone.Detections(detections=[detection])
        yield fiftyone.Sample(filepath=str((root / row["path"]).absolute()), **values)
