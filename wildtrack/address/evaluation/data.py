"""The photos of an evaluation or comparison: a catalogue and a trained model in, queries and gallery out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.labelled import labelled_photos
from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.artifacts import Artifacts
from wildtrack.address.evaluation.protocol import Protocol, choose_protocol, leaky_pairs
from wildtrack.assess.duplicates.hashes import perceptual_hashes
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
    """Labelled photos, and the queries and gallery among them.

    Attributes:
        root: What the table's paths are relative to.
        photos: N photos that can be decoded, at the model's size; their table has `sha256`.
        protocol: Rows of queries and gallery.
        leaky: bool (Q, G): gallery photos that give a query's answer away.
    """

    root: Path
    photos: Decoded
    protocol: Protocol
    leaky: npt.NDArray[np.bool_]

    @property
    def table(self) -> pd.DataFrame:
        """The catalogue, N rows."""
        return self.photos.table

    @property
    def identities(self) -> npt.NDArray[np.object_]:
        """The identity on each photo, str (N,)."""
        names: npt.NDArray[np.object_] = self.table["identity"].to_numpy(dtype=object)
        return names

    @property
    def query_ids(self) -> npt.NDArray[np.object_]:
        """The identity on each query, str (Q,)."""
        names: npt.NDArray[np.object_] = self.identities[self.protocol.queries]
        return names


def load_evaluation_data(
    artifacts: Artifacts, data: Path | None, config: ProtocolConfig, cache: CacheConfig, problems: Path
) -> EvaluationData:
    """Read the photos, choose queries and gallery, and print both.

    `data` None is the catalogue that the model was trained on; photos that cannot be used go to the CSV `problems`. A
    UserError says that no photo is labelled or can be decoded, or that there is no query.
    """
    catalogue = load_catalogue(artifacts.catalogue_path(data))
    console.print(catalogue.understood)
    photos = labelled_photos(catalogue, artifacts.preprocessor.image_size, cache, problems)
    table = photos.table.assign(sha256=photos.digests)
    protocol = choose_protocol(table, artifacts.split, config.queries_per_identity, config.seed)
    console.print(str(protocol))
    leaky = leaky_pairs(table, protocol, perceptual_hashes(photos.small), config.encounter_hours)
    decoded = Decoded(table, photos.digests, photos.pixels, photos.small, photos.problems)
    return EvaluationData(catalogue.root, decoded, protocol, leaky)
