"""A public dataset: how to get it, and how it becomes a catalogue."""

import logging
from pathlib import Path

import msgspec
import pandas as pd
import yaml

from wildtrack.access.catalogue import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Catalogue
from wildtrack.access.download.archives import extract
from wildtrack.access.download.fetch import fetch
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.access.sources import adjust
from wildtrack.access.sources.card import Card
from wildtrack.errors import UserError
from wildtrack.storage.cache import default_cache

FOLDER = Path(__file__).parent  # SLUG.yaml of each dataset, and references.yaml: BibTeX key -> what the cards cite

log = logging.getLogger(__name__)


class Source(Card, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public dataset: its card, and where it is."""

    archive: str  # its name in the cache
    url: str
    expects: tuple[str, ...]  # patterns of files below the root; a copy has at least one of them
    inside: str = "."  # the folder in the archive that is the dataset's root
    sha256: str | None = None  # of the archive, where its publishers state it
    adjust: str = ""  # the function in `adjust` that changes the catalogue's table

    @property
    def card(self) -> Card:
        """The dataset's card."""
        return self

    def download_and_extract(self, cache: Path | None = None) -> Path:
        """Bring the dataset into the cache, unless it is there; return its root, or raise a UserError."""
        cache = (cache or default_cache()).absolute()
        archive = cache / "downloads" / self.archive
        unpacked = cache / "datasets" / self.archive.removesuffix(".zip").removesuffix(".tar.gz")
        if not unpacked.is_dir():
            extract(fetch(self.url, archive, self.sha256), unpacked)
            log.info("%s (%.1f GB) is unpacked, and may be deleted.", archive, archive.stat().st_size / 1e9)
        root = unpacked / self.inside
        if not root.is_dir():
            raise UserError(f"{archive} does not hold {self.inside}; delete it and {unpacked}, and get it again")
        return root

    def check_layout(self, root: Path) -> None:
        """Raise a UserError when the folder has no file of this dataset."""
        if not any(next(root.glob(pattern), None) for pattern in self.expects):
            seen = f"{root} does not look like {self.slug}, which has files such as {' or '.join(self.expects)}"
            advice = f"name the folder that holds these, or leave {self.slug} out to read the folder as it is"
            raise UserError(f"{seen}; {advice}")

    def read(
        self,
        root: Path,
        *,
        split_column: str | None = None,
        part: str | None = None,
        config: ReadConfig = DEFAULTS,
    ) -> Catalogue:
        """The catalogue of a copy of the dataset; settings and errors as in `load_catalogue`."""
        catalogue = load_catalogue(root, split_column=split_column, part=part, original=True, config=config)
        table = getattr(adjust, self.adjust)(catalogue.table) if self.adjust else catalogue.table
        if "species" not in table and len(self.species) == 1:
            table = table.assign(species=self.species[0].scientific)
        columns = [column for column in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if column in table]
        return Catalogue(catalogue.root, table[columns], catalogue.problems, catalogue.understood)

    def systematize_dataset_metadata(self, root: Path | str) -> pd.DataFrame:
        """The standard table of a copy of the dataset; columns as in `catalogue.validate`."""
        self.check_layout(Path(root))
        return self.read(Path(root)).table


def read_source(slug: str) -> Source:
    """The source that SLUG.yaml describes, with its references from references.yaml."""
    fields, references = (yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")) for name in (slug, "references"))
    cited = {"paper": references[fields["paper"]], "research": [references[key] for key in fields["research"]]}
    return msgspec.convert(fields | cited, Source)
