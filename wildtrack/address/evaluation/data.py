"""The photos of an evaluation or comparison: a catalogue and a trained model in, queries and gallery out."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.labelled import labelled_photos
from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.address.artifacts import Artifacts
from wildtrack.address.evaluation.protocol import Protocol, choose_protocol
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.assess.leakage import suspicious_pairs
from wildtrack.console import console
from wildtrack.storage.cache import CacheConfig


@dataclass(frozen=True)
class ProtocolConfig:
    """How queries and gallery are chosen, and which gallery photos count as leaky."""

    queries_per_identity: int = 1  # test photos of each animal that are queries; 0: all of them
    encounter_hours: float = 12.0  # photos of one animal with shorter gaps count as one encounter
    seed: int = 0  # names the draw of queries


@dataclass(frozen=True, eq=False)
class EvaluationData:
    """Labelled photos, and the queries and gallery among them."""

    root: Path  # what the table's paths are relative to
    photos: Decoded  # N photos, at the model's size; their table has `sha256`
    protocol: Protocol
    leaky: npt.NDArray[np.bool_]  # (Q, G): gallery photos that give a query's answer away

    @property
    def table(self) -> pd.DataFrame:
        """The catalogue, N rows."""
        return self.photos.table

    @property
    def identities(self) -> npt.NDArray[np.object_]:
        """The identity on each photo, str (N,)."""
        return np.asarray(self.table["identity"], object)

    @property
    def query_ids(self) -> npt.NDArray[np.object_]:
        """The identity on each query, str (Q,)."""
        return np.asarray(self.identities[self.protocol.queries], object)


def load_evaluation_data(
    artifacts: Artifacts,
    data: Path | None,
    config: ProtocolConfig,
    cache: CacheConfig,
    problems: Path,
    reading: ReadConfig = DEFAULTS,
) -> EvaluationData:
    """Read the photos of `data` (None: those of the training), choose queries and gallery, and print both.

    Photos that cannot be used go to the CSV `problems`. A UserError where no photo is labelled, none can be decoded, or
    there is no query.
    """
    catalogue = load_catalogue(artifacts.catalogue_path(data), config=artifacts.reading(reading))
    console.print(catalogue.understood)
    photos = labelled_photos(catalogue, artifacts.preprocessor.image_size, cache, problems)
    table = photos.table.assign(sha256=photos.digests)
    protocol = choose_protocol(table, artifacts.split, config.queries_per_identity, config.seed)
    console.print(str(protocol))
    hashes = perceptual_hashes(photos.small)
    leaky = suspicious_pairs(table, protocol.queries, protocol.gallery, config.encounter_hours, hashes)
    return EvaluationData(catalogue.root, replace(photos, table=table), protocol, leaky)
