"""Small trees of files that readers read."""

import json
from pathlib import Path
from typing import Any

from tests.helpers.layouts import wildme
from wildtrack.access.catalogue import Catalogue

HEADER = "image_id,identity,path\n"


def fill(root: Path, *names: str) -> Path:
    """Empty files are enough: readers open photos only for their EXIF."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def listed(catalogue: Catalogue) -> dict[str, str]:
    return dict(zip(catalogue.problems["path"], catalogue.problems["reason"], strict=True))


def unpack(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write(source: Path, content: Any) -> Path:
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(json.dumps(content), encoding="utf-8")
    return source


def gzgc(root: Path, annotations: list[Any], images: list[Any]) -> Path:
    unpack(root, wildme("gzgc", 2020, annotations, images))
    return root / "gzgc.coco/annotations/instances_train2020.json"


def coco(**more: Any) -> dict[str, Any]:
    return {
        "images": [{"id": "a", "file_name": "größe 1.jpg", "date_captured": 0, "width": 10, "height": 20}],
        "annotations": [{"id": 5, "image_id": "a", "category_id": 9, "bbox": [1, 2, 3, 4]} | more],
        "categories": [{"id": 9, "name": "seal"}],
    }
