"""Train a re-identification model on a folder of photos per individual.

  wildtrack train                    no photos of your own: it draws some turtles first
  wildtrack train --data my_photos   your own: one folder per animal, or a CSV

Stopped with Ctrl-C, the same command goes on after the last finished epoch.
"""

import logging
import math
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from wildtrack import versions
from wildtrack.access.demo import DEMO, DEMO_NEW
from wildtrack.access.labelled import labelled_photos
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.evaluation.protocol import validation_protocol
from wildtrack.address.matching.matching import Matching, summary
from wildtrack.address.training.config import NEEDED, TrainingConfig
from wildtrack.address.training.data import (
    TrainingSet,
    check_trainable,
    data_fingerprint,
    embed,
    hold_out,
    retrieval_validator,
    training_doubts,
    training_set,
)
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.assess.splits import IdentityRule, SplitConfig, SplitRule, make_split
from wildtrack.config import check_range, part
from wildtrack.console import console, load_tensorflow, program
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig

if TYPE_CHECKING:
    from wildtrack.address.models.backbones import Backbone

EPOCHS, FEWEST_EPOCHS = 40, 16
PHOTOS_SEEN = 64_000  # in all epochs together; more photos need fewer rounds, and a laptop gets done within the hour

log = logging.getLogger("wildtrack")


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line: --epochs 60."""

    data: Path = DEMO  # a folder with a folder of photos per animal, or a CSV with image_id, identity, path
    artifacts: Path = Path("artifacts")  # where the trained model goes
    results: Path = Path("results")  # where the picture of the training goes
    backbone: str = "MobileNet"  # any name in keras.applications
    alpha: float = 0.75  # width of the backbone, for families that have it (MobileNet: 0.25, 0.5, 0.75, 1.0)
    weights: str = "auto"  # auto (ImageNet if it can be had, else random), imagenet, none, or a weights file
    pooling: Literal["auto", "average", "grid"] = "auto"  # grid keeps what is where; auto: grid for random weights
    image_size: int | None = None  # photos' side in pixels; None: 224 with pretrained weights, else 128
    embed_dim: int = 256  # length of the embedding
    loss: Literal["arcface", "softmax", "circle"] = "arcface"  # arcface adds a margin to the softmax over cosines
    sub_centres: int = 1  # centres an animal may have; 2 or 3 help where labels are doubtful
    batches: Literal["shuffled", "balanced", "confused"] = "shuffled"  # confused: animals that look alike together
    photos_per_identity: int = 4  # in a batch that is balanced or confused
    triplet_epochs: int = 0  # the last epochs, fine-tuned with triplets
    epochs: int | None = None  # how often every photo is seen; None: 40, fewer for more than 1600 photos
    batch_size: int = 16  # photos a step
    learning_rate: float = 1e-3  # at the top of its cosine
    split: SplitRule = "auto"  # how test photos are set apart
    cutoff: str | None = None  # for --split cutoff: what begins on this day or later is tested (2023-06-01, or 2023)
    identities: IdentityRule = "closed"  # open: some animals are only tested; disjoint: those are all that is tested
    held_out_share: float = 0.2  # of the animals, where they are open or disjoint
    encounter_hours: float = 12.0  # photos of one animal with shorter gaps are one encounter, kept on one side
    test_share: float = 0.2  # of each animal's photos, never trained on
    valid_share: float = 0.15  # of the rest, to choose the best epoch and the best matcher
    unseen_share: float = 0.1  # of the animals at most, kept from training to learn when a photo shows nobody we know
    seed: int = 0  # names the split, the starting weights and the augmentation
    deterministic: bool = False  # the same photos and settings give the same weights to the last bit, on one machine
    cache_gb: float = 10.0  # disk space for decoded photos, and as much for keypoints
    verify: bool = False  # read every photo again instead of trusting its size and date


def train(config: Config) -> None:
    """Catalogue -> photos at the backbone's size -> split -> fit -> artifacts."""
    check_config(config)
    if config.data == DEMO and not any(DEMO.glob("*")):
        from wildtrack.access.demo.dataset import make_demo  # SciPy takes a second: not for --help

        console.print(f"There are no photos at {DEMO}: drawing demo turtles there.")
        make_demo(DEMO, DEMO_NEW)
    catalogue = load_catalogue(config.data)
    console.print(catalogue.understood)
    check_trainable(catalogue.table)

    load_tensorflow()  # which takes seconds: not before the catalogue is known to be good
    import keras

    from wildtrack.address.artifacts import Trained, save_artifacts
    from wildtrack.address.gallery.files import gallery_files
    from wildtrack.address.models.backbones import build_backbone
    from wildtrack.address.models.builder import build_model
    from wildtrack.address.models.preprocessor import Preprocessor
    from wildtrack.address.models.saved import export_trained
    from wildtrack.address.training.checkpoints import training_state
    from wildtrack.address.training.trainer import Recipe, fit

    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    backbone = build_backbone(config.backbone, alpha=config.alpha, image_size=config.image_size, weights=config.weights)
    cache = part(CacheConfig, config)
    photos = labelled_photos(catalogue, backbone.image_size, cache, config.artifacts / "problems.csv")
    table, pixels = photos.table.assign(sha256=photos.digests), photos.pixels
    check_trainable(table)
    split = make_split(table, perceptual_hashes(photos.small), part(SplitConfig, config))
    table = table.assign(split=hold_out(table, split.subset, config.unseen_share, config.seed))
    rows = training_set(table, table["split"].to_numpy())
    unseen = int((table["split"] == "valid").sum()) - len(rows.valid)
    console.print(
        f"Split {split.method}: {len(rows.train)} photos of {len(rows.identities)} identities to train on, "
        f"{len(rows.valid)} to validate and {unseen} of animals that training does not see, "
        f"{int((split.subset == 'test').sum())} to test."
    )
    for doubt in training_doubts(rows, table["identity"].to_numpy(dtype=str), config.valid_share):
        log.warning("%s.", doubt[0].upper() + doubt[1:])

    epochs = config.epochs or usual_epochs(len(rows.train))
    model = build_model(
        backbone,
        embed_dim=config.embed_dim,
        num_ids=len(rows.identities),
        pooling=config.pooling,
        sub_centres=config.sub_centres,
    )
    settings = training_config(replace(config, epochs=epochs), backbone, table, split.method)
    checkpoints = config.artifacts / ".training"
    done = training_state(checkpoints, settings.same_training())
    if done:
        console.print(f"Going on after epoch {done} of {epochs}.")
    recipe = replace(part(Recipe, config), epochs=epochs, pretrained=backbone.pretrained)
    try:
        validate = retrieval_validator(model, table, pixels, rows)
        history = fit(model, pixels, rows, recipe, validate, checkpoints)
    except KeyboardInterrupt:
        console.print("The same command goes on after the last finished epoch.")
        raise

    preprocessor = Preprocessor(backbone.image_size, config.embed_dim, True, rows.identities, "0-255")
    sides = table[["image_id", "identity", "path", "split", "sha256"]]
    exported = export_trained(model, preprocessor, checkpoints / "model.onnx")
    matching = matching_of(model, table, pixels, catalogue.root, cache)
    minutes = round(history["seconds"].sum() / 60, 2)
    settings = replace(settings, fingerprint=exported.fingerprint, training_minutes=minutes)
    trained = Trained(model, exported.file, preprocessor, settings, sides, history)
    save_artifacts(config.artifacts, trained, matching)
    gallery_files(config.artifacts).remove()  # an older model's; the next search builds one for this model
    shutil.rmtree(checkpoints)
    tell(config, history, rows, catalogue.root.resolve().name)


def matching_of(model: Any, table: pd.DataFrame, pixels: np.ndarray, root: Path, cache: CacheConfig) -> Matching | None:
    """What the validation photos teach about matching with this model; None where there are none."""
    import keras

    from wildtrack.address.features.features import Features, viewpoints_of
    from wildtrack.address.features.keypoints import cached_keypoints
    from wildtrack.address.matching.learning import learn_matching, score_validation

    rows = np.flatnonzero(table["split"].isin(["train", "valid"]))
    table = table.iloc[rows]
    validation = validation_protocol(table, table)
    if validation is None:
        return None
    console.print("Learning from the validation photos how to match.")
    embedder = keras.Model(model.input, model.get_layer("embedding").output)
    keypoints = cached_keypoints(table, root, list(table["sha256"]), cache)
    features = Features(embed(embedder, pixels, rows), viewpoints_of(table), keypoints)
    matching = learn_matching(score_validation(table, features, validation))
    console.print(summary(matching))
    return matching


def tell(config: Config, history: pd.DataFrame, rows: TrainingSet, name: str) -> None:
    """The picture of the training, its best epoch, and what to do next."""
    from wildtrack.address.training.checkpoints import best_epoch
    from wildtrack.visualization.training_curves import draw_training_curves

    kept = best_epoch(history.to_dict("records"))
    title = f"Training on {name}: {len(rows.train)} photos of {len(rows.identities)} identities"
    draw_training_curves(history, kept, title, config.results / "training_curves.png")
    best = history.iloc[kept - 1]
    chosen = "the last, as nothing could be validated"
    if len(rows.valid):
        chosen = f"the best by mAP: validation R@1 {best['R@1']:.2f}, mAP {best['mAP']:.2f}"
    elsewhere = "" if config.artifacts == Path("artifacts") else f' --artifacts "{config.artifacts}"'
    console.print(
        f"Saved {config.artifacts}: epoch {kept} of {len(history)}, {chosen}. "
        f"How good is it? {program('evaluate')}{elsewhere}"
    )


def usual_epochs(photos: int) -> int:
    """How many epochs for so many training photos."""
    return max(FEWEST_EPOCHS, min(EPOCHS, PHOTOS_SEEN // photos))


def check_config(config: Config) -> None:
    """Refuse what cannot work before any photo is read."""
    check_range(
        alpha=(config.alpha, 0.1, 4),
        image_size=(32 if config.image_size is None else config.image_size, 32, 1024),
        embed_dim=(config.embed_dim, 2, 4096),
        epochs=(1 if config.epochs is None else config.epochs, 1, 10_000),
        batch_size=(config.batch_size, 2, 4096),
        sub_centres=(config.sub_centres, 1, 10),
        photos_per_identity=(config.photos_per_identity, 2, 64),
        triplet_epochs=(config.triplet_epochs, 0, (config.epochs or EPOCHS) - 1),
        learning_rate=(config.learning_rate, 1e-7, 1),
        encounter_hours=(config.encounter_hours, 0, math.inf),
        test_share=(config.test_share, 0, 0.9),
        valid_share=(config.valid_share, 0, 0.9),
        unseen_share=(config.unseen_share, 0, 0.5),
        held_out_share=(config.held_out_share, 0.001, 0.999),
        seed=(config.seed, 0, 2**32 - 1),
        cache_gb=(config.cache_gb, 0.01, math.inf),
    )
    if config.batches == "shuffled" and (config.loss == "circle" or config.triplet_epochs):
        raise UserError(
            "loss circle and triplet_epochs compare photos of one animal in a batch, and shuffled batches may not "
            "have two of any; use --batches balanced"
        )
    part(SplitConfig, config).check()
    if config.batches != "shuffled" and 2 * config.photos_per_identity > config.batch_size:
        raise UserError(
            f"--batch-size {config.batch_size} has no room for two animals with --photos-per-identity "
            f"{config.photos_per_identity}; raise the first or lower the second"
        )
    if config.weights not in ("auto", "imagenet", "none") and not Path(config.weights).is_file():
        raise UserError(f"weights {config.weights!r} is no file; allowed are auto, imagenet, none or a weights file")


def training_config(config: Config, backbone: "Backbone", table: pd.DataFrame, split_method: str) -> TrainingConfig:
    """What `model_config.yaml` records of a training: every setting, the data and their split, the versions."""
    origin = backbone.origin
    record = {
        **asdict(config),
        "starting_weights": origin if origin in ("imagenet", "random") else Path(origin).resolve().as_posix(),
        "split_method": split_method,
        "photos": len(table),
        "identities": int(table["identity"].nunique()),
        "data_fingerprint": data_fingerprint(table),
        "versions": versions(),
    }
    needed = {name: record[name] for name in NEEDED if name in record}
    needed |= {"data": config.data.resolve(), "image_size": backbone.image_size[0]}
    return TrainingConfig(**needed, record=record)
