"""A folder's photos embedded by PyTorch and timm, in a process of its own: PyTorch and TensorFlow do not get on in one.

In: the timm name of a network, the photos' side in pixels, their folder; then the number of a way on each line of
standard input. Out: a JSON list of the ways, then a line each time one is done. The photos are read as wildlife-tools
reads them: OpenCV, torchvision's transforms, a DataLoader.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
from PIL import Image

BATCH = 32


class Photos:
    """The photos as a DataLoader wants them."""

    def __init__(self, paths: list[Path], transform: Callable[[Image.Image], Any]) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Any:
        photo = cv2.imread(str(self.paths[row]))
        return self.transform(Image.fromarray(cv2.cvtColor(photo, cv2.COLOR_BGR2RGB)))


def ways(name: str, side: int, folder: Path) -> dict[str, Callable[[], None]]:
    """Memory formats and numbers of DataLoader workers."""
    import timm
    import torch
    from torchvision import transforms

    steps = [transforms.Resize((side, side)), transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    photos = Photos(sorted(folder.iterdir()), transforms.Compose(steps))

    def embed(network: Any, loader: Any, layout: Any) -> None:
        with torch.inference_mode():
            torch.cat([network(batch.to(memory_format=layout)) for batch in loader]).numpy()

    found: dict[str, Callable[[], None]] = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        network = timm.create_model(name, num_classes=0).eval().to(memory_format=layout)
        for workers in (0, 2):
            loader = torch.utils.data.DataLoader(photos, BATCH, num_workers=workers, persistent_workers=workers > 0)
            label = f"{str(layout).removeprefix('torch.')}, {workers} workers"
            found[label] = partial(embed, network, loader, layout)
    return found


def main() -> None:
    """Embed the folder once for each line."""
    works = ways(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
    print(json.dumps(list(works)), flush=True)
    for line in sys.stdin:
        list(works.values())[int(line)]()
        print("done", flush=True)


if __name__ == "__main__":
    main()
