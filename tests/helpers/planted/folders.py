"""A folder for each animal, as people keep them: with names that are no animals', files beside them, links and junk."""

import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.helpers.planted.faults import NAMES, NOBODY, PERHAPS, VARIANTS, Draw
from tests.helpers.planted.outcome import Outcome
from tests.helpers.planted.study import UNKNOWN, Row, Study
from wildtrack.access.reading import ReadConfig

FLAG = "--folders animals"
NOT_ANIMALS = {  # one is enough: name -> words of the line
    "100MEDIA": "card folders", "101_PANA": "card folders", "2023-05-01": "dates", "01.05.2023": "dates",
    "images": "kinds of files", "results": "own folders", "train_all": "subsets",
}  # fmt: skip
HEAPS = {  # most of them must be so: names -> words of the line
    ("camA", "camB", "camC"): "cameras or places", ("station_07", "station_09", "station_12"): "cameras or places",
    ("2019", "2020", "2021"): "years or days", ("day 1", "day 2", "day 3"): "times",
    ("100EK113", "101EK113", "102EK113"): "card folders",
}  # fmt: skip
SUBSETS = {"train": "train", "Train": "train", "val": "valid", "test": "test", "query": "test", "gallery": "train"}
PHOTOS = ("IMG_1.JPG", "IMG_2.jfif", "IMG_3", "IMG_4.jpeg", "IMG 5.Jpg")
JUNK: dict[str, tuple[str, str]] = {  # name -> kind of content, and words of the reason
    "clip.MOV": ("video", "a video"),
    "clip": ("video", "a video"),
    "IMG_7.NEF": ("raw", "raw camera file"),
    "scan.tif": ("raw", "save a JPEG copy"),
}
PASSED_OVER = {  # name -> kind of content, and what the line has; "": nothing
    "._IMG_1.JPG": ("text", "files of the system: "),
    "@eaDir/IMG_1.JPG/THUMB.JPG": ("plain", "files of the system: "),
    ".trashed.jpg": ("plain", "hidden: "),
    "IMG_1.JPG_original": ("plain", "no photo of its own: "),
    "notes.txt": ("text", "no photo: "),
    "Thumbs.db": ("text", ""),
    ".DS_Store": ("text", ""),
}
LABELS = "file,{}\n" + "".join(f"{photo},7\n" for photo in PHOTOS)
DETECTED = {"images": [{"file": photo, "detections": []} for photo in PHOTOS], "detection_categories": {}}
BESIDE: dict[str, tuple[str, tuple[str, ...], str]] = {  # file -> content, words of the refusal or a remark
    "labels.csv": (LABELS.format("individual"), ("labels.csv names photos", FLAG), ""),
    "of 2023.csv": ("image_id,identity,path\n1,X,Ana/IMG_1.JPG\n", ("is a catalogue", FLAG), ""),
    "annotations.json": ("[]", ("not a COCO file", FLAG), ""),
    "boxes.json": (json.dumps(DETECTED), (), "detector"),
    "times.csv": (LABELS.format("hour"), (), "not read"),
    "labels.xlsx": ("PK", (), "sheet"),
}
DATES = {"dated": "2024-05-31T10:00:00", "plain": None, "reset": None, "future": None}
NO_DATE = {"reset": "date 2000-01-01T00:03:00", "future": "date 2099-05-31T10:00:00"}


@dataclass
class Tree:
    """Files below the folder that is given, and folders outside of it that links lead to."""

    study: Study
    files: dict[str, str | bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)  # path -> where it leads, relative to the tree
    outcome: Outcome = field(default_factory=Outcome)
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def reading(self) -> ReadConfig:
        return ReadConfig(**self.config)


@st.composite
def trees(draw: Draw) -> Tree:
    """A tree of 2 to 6 animals, perhaps below folders of subsets, with several kinds of faults."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    study = Study("csv", [])
    tree = Tree(study, config=study.config)
    if draw(st.booleans()):
        study.config["folders"] = "animals"
    subsets = draw(st.lists(st.sampled_from(list(SUBSETS)), min_size=1, max_size=3, unique_by=str.casefold))
    with_subsets = draw(st.integers(0, 2)) == 2 and not study.config
    animals = {name: name for name in names} | _odd_names(draw, study, names)
    for folder, animal in animals.items():
        above = f"{draw(st.sampled_from(subsets))}/" if with_subsets else ""
        for photo in draw(st.lists(st.sampled_from(PHOTOS), min_size=1, unique=True)):
            kind = draw(st.sampled_from(["plain", "plain", "dated", "dated", "empty", *NO_DATE]))
            path = f"{above}{folder}/{photo}"
            kind = "plain" if photo == "IMG_3" and kind == "empty" else kind  # which is no photo
            row = Row(path, path, animal, {}, {"identity": unicodedata.normalize("NFC", folder)}, kind)
            row.meant |= {"date": DATES.get(kind), "split": SUBSETS.get(above[:-1])}
            row.notes += [NO_DATE[kind]] if kind in NO_DATE else []
            study.rows.append(row)
            tree.files[path] = kind
    study.rows.sort(key=lambda row: _natural(row.path))
    _junk(draw, tree, with_subsets)
    _links(draw, tree, with_subsets, names[0])
    _beside(draw, tree)
    folders = dict.fromkeys(row.path.split("/")[-2] for row in study.rows)
    _expect_of_names(study, [name for name in folders if name not in study.nobody | {UNKNOWN}])
    if with_subsets:
        _gallery(study)
    tree.outcome = study.outcome()
    tree.outcome.remarks.pop("in no row", None)
    return tree


def _odd_names(draw: Draw, study: Study, names: list[str]) -> dict[str, str]:
    """Folders whose names are no animals', or may not be; name -> what its spellings share."""
    found: dict[str, str] = {}
    faults = draw(
        st.sets(st.sampled_from(["nobody", "perhaps", "spelt", "not animals", "heap", "unknown"]), max_size=3)
    )
    if "nobody" in faults:
        found |= dict.fromkeys([word := draw(st.sampled_from([name for name in NOBODY if "/" not in name]))], "")
        study.nobody.add(word)
    if "perhaps" in faults:
        found |= dict.fromkeys([word := draw(st.sampled_from(PERHAPS))], "")
        study.perhaps.add(word)
    if "unknown" in faults:
        found[UNKNOWN] = ""
    if "spelt" in faults and (animal := draw(st.sampled_from(names))) in VARIANTS:
        found[draw(st.sampled_from(VARIANTS[animal]))] = animal
        if draw(st.booleans()):
            study.config["spellings"] = "merge"
    if "not animals" in faults:
        found |= {(name := draw(st.sampled_from(list(NOT_ANIMALS)))): name}
    elif "heap" in faults:
        heap = draw(st.sampled_from(list(HEAPS)))
        drawn = draw(st.integers(1, len(heap)))
        found |= {name: "CamA" if name == "camA" else name for name in heap[:drawn]}
    return found


def _natural(path: str) -> list[object]:
    """A key by which 7 comes before 012."""
    parts = [re.split(r"(\d+)", part.casefold()) for part in path.split("/")]
    return [[[int(part) if part.isdigit() else part for part in each] for each in parts], path]


def _expect_of_names(study: Study, folders: list[str]) -> None:
    """What is said of names that are no animals', or refused."""
    for name in folders:
        if name in NOT_ANIMALS:
            _refused_unless_animals(study, "called like ", NOT_ANIMALS[name], FLAG)
    alike = Counter(kind for heap, kind in HEAPS.items() for name in folders if name in heap)
    alike["cameras or places"] += "CamA" in folders
    kind, number = alike.most_common(1)[0]
    if kind == "years or days" and {"7", "012"}.intersection(folders):
        return  # animals have numbers here
    if 2 * number > len(folders):
        _refused_unless_animals(study, "called like ", kind, FLAG)
    elif number and study.config.get("folders") != "animals":
        study.remarks["taken for animals"] = f"{number} of {len(folders)} folders called like "


def _junk(draw: Draw, tree: Tree, with_subsets: bool) -> None:
    """Files that are no photos, in an animal's folder or in the one that is given, and our own output."""
    folder = next(iter(tree.files)).rpartition("/")[0]
    for name in draw(st.sets(st.sampled_from([*JUNK, *PASSED_OVER]), max_size=4)):
        kind, words = JUNK.get(name) or PASSED_OVER[name]
        tree.files[f"{folder}/{name}"] = kind
        if name in JUNK:
            tree.study.problems.append((f"{folder}/{name}", words))
        elif words:
            tree.study.remarks["passed over"] = ""
    extra = draw(st.sampled_from(["", "", "loose", "deep", "ours", "empty folder"]))
    if extra == "loose":
        tree.files["IMG_9.JPG"] = "plain"
        tree.study.problems.append(("IMG_9.JPG", "not in an identity folder"))
    elif extra == "deep":
        tree.files[f"{folder}/2024/IMG_9.JPG"] = "plain"
        tree.study.refusals.append(("a level too deep", "--unlabelled"))
    elif extra == "ours":
        tree.files |= {"results 2/metrics.json": b"{}", "results 2/tsne.png": "plain"}
        tree.study.remarks["passed over"] = "WildTrack's own output: 1 (results 2)"
    elif extra == "empty folder" and not with_subsets:
        tree.files["Emil/notes.txt"] = "text"
        tree.study.remarks["passed over"] = ""
        tree.study.problems.append(("Emil", "no photos in this identity folder"))


def _links(draw: Draw, tree: Tree, with_subsets: bool, animal: str) -> None:
    """A link to another animal's photos elsewhere, one to a folder that is read already, one to nothing."""
    kind = draw(st.sampled_from(["", "", "elsewhere", "again", "nothing"]))
    if with_subsets or not kind:
        return
    if kind == "elsewhere":
        tree.links["Berta"] = "../elsewhere"
        row = Row("Berta/IMG_1.JPG", "Berta/IMG_1.JPG", "Berta", {}, {"identity": "Berta"})
        tree.study.rows.append(row)
        tree.files["../elsewhere/IMG_1.JPG"] = "plain"
    elif kind == "again":
        tree.links["best of"] = animal
        tree.study.remarks["passed over"] = "a link to a folder that is read already: 1 (best of)"
    else:
        tree.links[f"{animal}/IMG_99.JPG"] = "../../nowhere.jpg"
        tree.study.problems.append((f"{animal}/IMG_99.JPG", "a link that leads nowhere"))


def _beside(draw: Draw, tree: Tree) -> None:
    """Files of annotations and tables beside the photos; the names of two photos or more make them labels."""
    name = draw(st.sampled_from(["", "", "", *BESIDE]))
    if not name:
        return
    content, refused, remark = BESIDE[name]
    tree.files[name] = content.encode()
    known = {path.rpartition("/")[2] for path in tree.files} & set(PHOTOS)
    tree.study.remarks["passed over"] = ""
    if refused and (len(known) > 1 or name != "labels.csv"):
        _refused_unless_animals(tree.study, *refused)
    elif refused or remark:
        tree.study.remarks |= {} if tree.study.config.get("folders") == "animals" else {remark or "not read": name}


def _gallery(study: Study) -> None:
    """Animals of the gallery that are not among those to train on are tested, never trained on."""
    learnt = {row.name for row in study.rows if row.path.split("/")[0].casefold() == "train"}
    unseen = [row for row in study.rows if row.path.startswith("gallery/") and row.name not in (learnt | {UNKNOWN})]
    if learnt and unseen:
        study.remarks["gallery"] = "never trained on"
        for row in unseen:
            row.meant["split"] = "test"


def _refused_unless_animals(study: Study, *words: str) -> None:
    if study.config.get("folders") != "animals":
        study.refusals.append(words)
