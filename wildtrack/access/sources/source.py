"""What a public dataset needs to become a catalogue: where it is, and what its layout does not say."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from wildtrack.access.catalogue import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Catalogue
from wildtrack.access.download.archives import extract
from wildtrack.access.download.fetch import fetch, fetch_kaggle
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.sources.card import Card, load_card
from wildtrack.errors import UserError
from wildtrack.storage.cache import default_cache

LILA = "https://storage.googleapis.com/public-datasets-lila"  # the bucket of LILA, https://lila.science

log = logging.getLogger(__name__)

Adjust = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Source:
    """A public dataset.

    Attributes:
        slug: its name; the card is SLUG.yaml beside this file.
        archive: the name of its archive in the cache.
        url: where the archive is published; of a Kaggle dataset, the page.
        expects: files by which a copy is known, as patterns below its root; one of them is enough.
        kaggle: OWNER/DATASET, for datasets that Kaggle serves.
        inside: the folder in the archive that is the dataset's root.
        sha256: of the archive, where its publishers give it.
        adjust: fills in or drops columns of the catalogue's table, for what the layout alone does not say.
    """

    slug: str
    archive: str
    url: str
    expects: tuple[str, ...]
    kaggle: str = ""
    inside: str = "."
    sha256: str | None = None
    adjust: Adjust = lambda table: table

    @property
    def card(self) -> Card:
        """The dataset's card."""
        return load_card(self.slug)

    def download_and_extract(self, cache: Path | None = None) -> Path:
        """Bring the dataset into the cache, unless it is there.

        Args:
            cache: the project's cache folder; None: see `default_cache`.

        Returns:
            The dataset's root.

        Raises:
            UserError: there is no network, or the archive is not what it should be; the message says what to do.
        """
        cache = (cache or default_cache()).absolute()
        archive = cache / "downloads" / self.archive
        unpacked = cache / "datasets" / self.archive.removesuffix(".zip").removesuffix(".tar.gz")
        if not unpacked.is_dir():
            if self.kaggle and not archive.is_file():
                return fetch_kaggle(self.kaggle, cache, archive)
            extract(fetch(self.url, archive, self.sha256), unpacked)
            log.info("%s (%.1f GB) is unpacked, and may be deleted.", archive, archive.stat().st_size / 1e9)
        root = unpacked / self.inside
        if not root.is_dir():
            raise UserError(f"{archive} does not hold {self.inside}; delete it and {unpacked}, and get it again")
        return root

    def check_layout(self, root: Path) -> None:
        """Raise a UserError when the folder shows nothing of this dataset."""
        if not any(next(root.glob(pattern), None) for pattern in self.expects):
            raise UserError(
                f"{root} does not look like {self.slug}, which has files such as {' or '.join(self.expects)}; "
                f"name the folder that holds these, or leave {self.slug} out to read the folder as it is"
            )

    def read(self, root: Path, *, split_column: str | None = None, part: str | None = None) -> Catalogue:
        """Read a copy of the dataset.

        Args:
            root: from `download_and_extract`, or a folder of the same layout.
            split_column: as in `load_catalogue`.
            part: as in `load_catalogue`.

        Raises:
            UserError: from the reader.
        """
        catalogue = load_catalogue(root, split_column=split_column, part=part, original=True)
        table = self.adjust(catalogue.table)
        if "species" not in table and len(self.card.species) == 1:
            table = table.assign(species=self.card.species[0].scientific)
        columns = [column for column in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if column in table]
        return replace(catalogue, table=table[columns])

    def systematize_dataset_metadata(self, root: Path | str) -> pd.DataFrame:
        """The standard table of a copy of the dataset; columns as in `catalogue.validate`.

        Args:
            root: from `download_and_extract`.

        Raises:
            UserError: it is another dataset, or from the reader.
        """
        self.check_layout(Path(root))
        return self.read(Path(root)).table


def wildme(slug: str, folder: str, year: int) -> Source:
    """One of the Wild Me sets that LILA serves: FOLDER.coco, which a copy may also be the inside of."""
    annotations = f"annotations/instances_train{year}.json"
    return Source(
        slug,
        archive=f"{folder}.coco.tar.gz",
        url=f"{LILA}/wild-me/{folder}.coco.tar.gz",
        expects=(f"{folder}.coco/{annotations}", annotations),
    )
