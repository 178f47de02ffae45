import shutil
from pathlib import Path

import pandas as pd

from wildtrack.access.photos.digests import photo_digests
from wildtrack.address.artifacts import Artifacts
from wildtrack.address.evaluation.data import ProtocolConfig, load_evaluation_data
from wildtrack.address.models.preprocessor import Preprocessor
from wildtrack.storage.cache import CacheConfig

PREPROCESSOR = Preprocessor((32, 32), 8, True, ("Ana",), "0-255")


def test_photos_with_queries_and_gallery(photo_folder: Path, tmp_path: Path, catalogue: pd.DataFrame) -> None:
    """One photo shows an unknown animal, and one is gone."""
    root = Path(shutil.copytree(photo_folder, tmp_path / "photos"))
    cache = CacheConfig(root=root / "cache")
    identities, paths = [*catalogue["identity"][:11], "unknown"], catalogue["path"].tolist()
    table = catalogue.assign(identity=identities, path=[*paths[:10], "gone.png", paths[11]])
    subsets = ["test", "train", "train", "test", *["train"] * 4, "test", *["train"] * 3]
    table.to_csv(root / "catalogue.csv", index=False)
    split = table.assign(sha256=photo_digests(table, root, cache), split=subsets)
    artifacts, config = Artifacts(root, PREPROCESSOR, split=split), ProtocolConfig(queries_per_identity=0)
    data = load_evaluation_data(artifacts, root / "catalogue.csv", config, cache, root / "problems.csv")
    assert data.root == root and data.identities.tolist() == identities[:10]
    assert data.table["sha256"].tolist() == data.photos.digests == photo_digests(data.table, root, cache)
    assert data.photos.pixels.shape == (10, 32, 32, 3) and data.protocol.queries.tolist() == [0, 3, 8]
    assert data.protocol.gallery.tolist() == [1, 2, 4, 5, 6, 7, 9]
    assert data.query_ids.tolist() == ["Ana", "Ana", "C $1"] and data.leaky.shape == (3, 7)
    assert pd.read_csv(root / "problems.csv")["path"].tolist() == ["gone.png"]
