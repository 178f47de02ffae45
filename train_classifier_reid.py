"""Train a re-identification model on a folder of photos per individual.

  python train_classifier_reid.py                    no photos of your own: it draws some turtles first
  python train_classifier_reid.py --data my_photos   your own: one folder per animal, a CSV or COCO

If you stop it with Ctrl-C, the same command goes on after the last finished epoch.
"""

from pathlib import Path

from wildtrack.commands.train import Config, train
from wildtrack.console import run

# What people turn most; --help has every setting, and what stands on the command line counts more than this.
CONFIG = Config(
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
    run(train, CONFIG, __doc__)
