"""Train a re-identification model on a folder of photos per individual.

  wildtrack train                    no photos of your own: it draws some turtles first
  wildtrack train --data my_photos   your own: one folder per animal, a CSV or COCO

If you stop it with Ctrl-C, the same command goes on after the last finished epoch.
"""

import hashlib
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import pandas as pd
import tyro

from wildtrack import versions
from wildtrack.access.demo import DEMO, make_demo_once
from wildtrack.access.labelled import labelled_photos
from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.reading import ReadConfig
from wildtrack.address.artifacts import Trained, save_artifacts
from wildtrack.address.evaluation.protocol import validation_protocol
from wildtrack.address.features.embeddings import cached_outputs
from wildtrack.address.matching.matching import Matching, summary
from wildtrack.address.models.preprocessor import Preprocessor
from wildtrack.address.training.data import TrainingSet, check_trainable, hold_out, training_set, training_warnings
from wildtrack.address.training.model_config import TrainingConfig
from wildtrack.address.training.recipe import EPOCHS, Recipe, usual_epochs
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.assess.splits import IdentityRule, SplitConfig, SplitRule, make_split
from wildtrack.config import DiskSpace, Folder, Hours, Range, RareFlag, Seed, check_settings, part
from wildtrack.console import console, load_tensorflow, program
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.lock import locked

if TYPE_CHECKING:
    import keras

    from wildtrack.address.models.backbones import Backbone

log = logging.getLogger("wildtrack")


@dataclass(frozen=True)
class Config(ReadConfig):
    """Change a value here, or on the command line: --epochs 60."""

    data: Path = DEMO  # a folder with a folder of photos per animal, a CSV, or a COCO .json
    artifacts: Folder = Path("artifacts")  # where the trained model goes
    results: Folder = Path("results")  # where the picture of the training goes
    backbone: str = "MobileNet"  # any name in keras.applications
    alpha: Annotated[float, Range(0.1, 4)] = 0.75  # width of the backbone (MobileNet has 0.25, 0.5, 0.75 and 1.0)
    weights: str = "auto"  # auto (ImageNet if it can be had, else random), imagenet, none, or a weights file
    pooling: Literal["auto", "average", "grid"] = "auto"  # what is kept of a photo: average which marks it shows,
    # grid also roughly where they are (spatial pooling); auto: grid for random weights, else average
    image_size: Annotated[int | None, Range(32, 1024)] = None  # in pixels; None: 224 with pretrained weights, else 128
    embed_dim: Annotated[int, Range(2, 4096)] = 256  # length of the embedding
    loss: Literal["arcface", "softmax", "circle"] = "arcface"  # how animals are kept apart: arcface leaves a gap
    # between any two (softmax over cosines with a margin), softmax none; circle compares photos (in balanced batches)
    sub_centres: Annotated[int, Range(1, 10)] = 1  # how many looks an animal may have (class centres); 2 or 3 help
    # where some names are doubtful
    batches: Literal["shuffled", "balanced", "confused"] = "shuffled"  # which photos a training step compares: any,
    # as many of each animal (balanced), or those of animals that look alike (confused: hard negatives)
    photos_per_identity: Annotated[int, Range(2, 64)] = 4  # photos of each animal in a balanced or confused batch
    triplet_epochs: Annotated[int, Range(0)] = 0  # how many of the last epochs fine-tune with triplets
    epochs: Annotated[int | None, Range(1, 10_000)] = None  # passes over the photos; None: 40, fewer for more than 1600
    batch_size: Annotated[int, Range(2, 4096)] = 16  # photos per training step
    learning_rate: Annotated[float, Range(1e-7, 1)] = 1e-3  # the highest rate; it falls along a cosine
    split: SplitRule = "auto"  # how test photos are set apart
    cutoff: Annotated[str | None, tyro.conf.arg(metavar="DAY")] = None  # first test day of --split cutoff (2023-06-01)
    identities: IdentityRule = "closed"  # open: some animals are only tested; disjoint: those are all that is tested
    held_out_share: Annotated[float, Range(0.001, 0.999)] = 0.2  # share of animals not trained on, if open or disjoint
    encounter_hours: Hours = 12.0  # photos of one animal with shorter gaps are one encounter, kept in one subset
    test_share: Annotated[float, Range(0, 0.9)] = 0.2  # share of each animal's photos, never trained on
    valid_share: Annotated[float, Range(0, 0.9)] = 0.15  # share of the rest, to choose best epoch and matcher
    unseen_share: Annotated[float, Range(0, 0.5)] = 0.1  # largest share of animals kept out, to learn what is new
    seed: Seed = 0  # the same seed gives the same split, starting weights and augmentation
    deterministic: RareFlag = False  # same photos and settings give the same weights to the last bit, on one machine
    cache_gb: DiskSpace = 10.0  # disk space for decoded photos, and as much for keypoints
    verify: RareFlag = False  # read every photo again instead of trusting its size and date


def train(config: Config, callbacks: Sequence["keras.callbacks.Callback"] = ()) -> None:
    """Train with settings that are allowed, alone in the artifacts folder; `callbacks` are for Keras' `fit`."""
    check_settings(config)
    replace(part(Recipe, config), epochs=EPOCHS if config.epochs is None else config.epochs).check()
    part(SplitConfig, config).check()
    if config.weights not in ("auto", "imagenet", "none") and not Path(config.weights).is_file():
        raise UserError(f"--weights {config.weights} is not a file; allowed are auto, imagenet, none or a weights file")
    with locked(config.artifacts, "training"):
        train_and_save(config, callbacks)


def train_and_save(config: Config, callbacks: Sequence["keras.callbacks.Callback"]) -> None:
    """Catalogue -> photos at the backbone's size -> split -> fit -> artifacts."""
    make_demo_once(config.data)
    catalogue = load_catalogue(config.data, config=part(ReadConfig, config))
    console.print(catalogue.understood)
    check_trainable(catalogue.table)
    load_tensorflow()  # which takes seconds: not before the catalogue is known to be good
    import keras

    from wildtrack.address.gallery.files import gallery_files
    from wildtrack.address.models.backbones import build_backbone
    from wildtrack.address.models.builder import build_model
    from wildtrack.address.models.saved import export_trained
    from wildtrack.address.training.checkpoints import training_state
    from wildtrack.address.training.trainer import RetrievalValidation, fit

    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()  # operations repeat to the last bit
    cache = part(CacheConfig, config)
    backbone = build_backbone(config.backbone, alpha=config.alpha, image_size=config.image_size, weights=config.weights)
    photos = labelled_photos(catalogue, backbone.image_size, cache, config.artifacts / "problems.csv")
    table, rows, split_method = split_photos(photos, config)
    config = replace(config, epochs=config.epochs or usual_epochs(len(rows.train)))
    recipe = replace(part(Recipe, config), pretrained=backbone.pretrained)
    settings = training_config(config, backbone, table, split_method)
    model = build_model(
        backbone,
        num_ids=len(rows.identities),
        embed_dim=config.embed_dim,
        pooling=config.pooling,
        sub_centres=config.sub_centres,
    )
    validation = RetrievalValidation(model, table, photos.pixels, rows, recipe)
    checkpoints = config.artifacts / ".training"
    if done := training_state(checkpoints, settings.same_training()):
        console.print(f"Going on after epoch {done} of {recipe.epochs}.")
    try:
        history = fit(model, photos.pixels, rows, recipe, checkpoints, [validation, *callbacks])
    except KeyboardInterrupt:
        console.print("The same command goes on after the last finished epoch.")
        raise
    preprocessor = Preprocessor(backbone.image_size, config.embed_dim, True, rows.identities, "0-255")
    exported = export_trained(model, preprocessor, checkpoints / "model.onnx")
    read = photos.pixels.__getitem__  # of the test photos too: search and evaluation find their embeddings in the cache
    made = cached_outputs(exported.engine, exported.cache_name, table, photos.digests, read, cache)
    matching = learn_to_match(table, catalogue.root, made.outputs["embedding"], cache)
    minutes = round(history["seconds"].sum() / 60, 2)
    settings = replace(settings, fingerprint=exported.fingerprint, training_minutes=minutes)
    split = table[["image_id", "identity", "path", "split", "sha256"]]
    save_artifacts(config.artifacts, Trained(model, exported.file, preprocessor, settings, split, history), matching)
    gallery_files(config.artifacts).remove()  # an older model's; the next search builds one for this model
    shutil.rmtree(checkpoints)
    report(config, history, rows, catalogue.root.resolve().name)


def split_photos(photos: Decoded, config: Config) -> tuple[pd.DataFrame, TrainingSet, str]:
    """The table with its columns `sha256` and `split`, the subsets to train with, and how they were chosen."""
    table = photos.table.assign(sha256=photos.digests)
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
    for warning in training_warnings(rows, table["identity"].to_numpy(dtype=str), config.valid_share):
        log.warning("%s.", warning[0].upper() + warning[1:])
    return table, rows, split.method


def training_config(config: Config, backbone: "Backbone", table: pd.DataFrame, split_method: str) -> TrainingConfig:
    """What `model_config.yaml` records of a training: every setting, the data and their split, the versions."""
    weights = backbone.origin
    rows = table.to_csv(index=False).encode(errors="surrogatepass")  # with the SHA-256 of each photo
    counts = {"photos": len(table), "identities": int(table["identity"].nunique())}
    more = {"data_fingerprint": hashlib.sha256(rows).hexdigest(), "versions": versions()}
    return TrainingConfig(
        data=config.data.resolve(),
        reading=part(ReadConfig, config),
        backbone=config.backbone,
        alpha=config.alpha,
        image_size=backbone.image_size[0],
        embed_dim=config.embed_dim,
        pooling=config.pooling,
        starting_weights=weights if weights in ("imagenet", "random") else Path(weights).resolve().as_posix(),
        seed=config.seed,
        record={**asdict(config), "split_method": split_method, **counts, **more},
    )


def learn_to_match(table: pd.DataFrame, root: Path, embeddings: np.ndarray, cache: CacheConfig) -> Matching | None:
    """What is learnt from the validation photos about matching with this model; None where there are none."""
    from wildtrack.address.features.features import Features, viewpoints_of
    from wildtrack.address.features.keypoints import cached_keypoints
    from wildtrack.address.training.learn_matching import learn_matching, score_validation

    rows = np.flatnonzero(table["split"].isin(["train", "valid"]))
    table = table.iloc[rows]
    validation = validation_protocol(table, table)
    if validation is None:
        return None
    console.print("Learning from the validation photos how to match.")
    keypoints = cached_keypoints(table, root, list(table["sha256"]), cache)
    features = Features(embeddings[rows], viewpoints_of(table), keypoints)
    matching = learn_matching(score_validation(table, features, validation))
    console.print(summary(matching))
    return matching


def report(config: Config, history: pd.DataFrame, rows: TrainingSet, name: str) -> None:
    """Draw the training's curves; print its best epoch, and what to do next."""
    from wildtrack.address.training.checkpoints import best_epoch
    from wildtrack.visualization.charts import draw_training_curves

    kept = best_epoch(history.to_dict("records"))
    title = f"Training on {name}: {len(rows.train)} photos of {len(rows.identities)} identities"
    draw_training_curves(history, kept, title, config.results / "training_curves.png")
    chosen = "the last, as nothing could be validated"
    if len(rows.valid):
        chosen = "the best by mAP: validation R@1 {R@1:.2f}, mAP {mAP:.2f}".format(**history.iloc[kept - 1])
    if (config.results / "metrics.json").is_file():
        console.print(f"{config.results} still has the figures of an earlier model; an evaluation replaces them.")
    elsewhere = "" if config.artifacts == Path("artifacts") else f' --artifacts "{config.artifacts}"'
    saved = f"Saved {config.artifacts}: epoch {kept} of {len(history)}, {chosen}."
    console.print(f"{saved} How good is it? {program('evaluate')}{elsewhere}")
