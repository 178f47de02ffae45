"""Train a re-identification model on a folder of photos per individual."""

from pathlib import Path

from wildtrack.commands import train
from wildtrack.console import run

# What people turn most; --help has examples and every setting; the command line counts more than this.
CONFIG = train.Config(
    data=Path("data/demo-turtles"),  # a folder with a folder of photos per animal, a CSV, or a COCO .json
    artifacts=Path("artifacts"),  # where the trained model goes
    backbone="MobileNet",  # any name in keras.applications
    weights="auto",  # auto (ImageNet if it can be had, else random), imagenet, none, or a weights file
    image_size=None,  # photos' side in pixels; None: 224 with pretrained weights, else 128
    embed_dim=256,  # length of the embedding
    epochs=None,  # how often every photo is seen; None: 40, fewer for more than 1600 photos
    batch_size=16,  # photos per training step
    learning_rate=1e-3,  # the highest rate; it falls along a cosine
    split="auto",  # how test photos are set apart: catalogue, encounter, random or cutoff
    seed=0,  # the same seed gives the same split, starting weights and augmentation
)

if __name__ == "__main__":
    run(train.train, CONFIG, train.__doc__)
