from pathlib import Path
from typing import Any

import pytest

from tests.helpers.label_files import fill, gzgc, write
from tests.helpers.layouts import wildme_annotation, wildme_image
from wildtrack.access.readers.load import load_catalogue


def test_gzgc(tmp_path: Path) -> None:
    other = wildme_image(2, date_captured="NA", photographer="", gps_lat_captured=None, gps_lon_captured=None)
    gzgc(
        tmp_path,
        [
            wildme_annotation(1, 1),
            wildme_annotation(2, 2, name="____", individual_ids=[], bbox=None, viewpoint="frontleft"),
            wildme_annotation(3, 2, category_id=0, name="NNP_GIRM_0140"),
        ],
        [wildme_image(1), other],
    )
    catalogue = load_catalogue(tmp_path)
    table = catalogue.table
    assert table.iloc[0].to_dict() == {
        "image_id": "1",
        "identity": "IBEIS_PZ_1561",
        "path": "gzgc.coco/images/train2020/000000000001.jpg",
        "photo_id": "1",
        "bbox": (895.5, 437.0, 1221.0, 690.0),
        "date": "2015-03-01T14:53:46",
        "orientation": "left",
        "species": "zebra_plains",
        "license": "http://creativecommons.org/licenses/by-nc-nd/2.0/",
        "height": 2000.0,
        "width": 3000.0,
        "photographer": "NNP GZC Car '10WHITE', Person 'A', Image 0005",
        "latitude": -1.351341,
        "longitude": 36.800374,
        "secondary_identities": "[2, 1, 3, 3459]",
    }
    about = [["1", "IBEIS_PZ_1561", "zebra_plains"], ["2", "unknown", "zebra_plains"]]
    about += [["2", "NNP_GIRM_0140", "giraffe_masai"]]
    assert table[["photo_id", "identity", "species"]].to_numpy().tolist() == about
    assert table["bbox"][1] == (896.0, 437.0, 1220.0, 690.0)
    assert table.loc[1, ["date", "photographer", "latitude", "longitude", "secondary_identities"]].isna().all()
    assert catalogue.problems.empty and catalogue.root == tmp_path
    animals = "2 photos with 3 animals of 2 identities (1 animal unlabelled)"
    assert catalogue.understood == f"the Wild Me file instances_train2020.json: {animals}"


@pytest.mark.parametrize("given", ["gzgc.coco", "gzgc.coco/annotations/instances_train2020.json"])
def test_gzgc_given_otherwise(tmp_path: Path, given: str) -> None:
    gzgc(tmp_path, [wildme_annotation(1, 1)], [wildme_image(1)])
    catalogue = load_catalogue(tmp_path / given)
    assert catalogue.root == tmp_path / "gzgc.coco"
    assert catalogue.table["path"].tolist() == ["images/train2020/000000000001.jpg"]


def wildbook(annotation: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An annotation with the fields of Wildbook's export; null ones were left out by early versions."""
    ids = {"theta": 0.0, "category_id": 1, "iscrowd": 0, "encounter_id": "e0000001-0000-4000-8000-000000000001"}
    return ids | {"bbox": [1, 2, 20, 10], "viewpoint": "left", "location_id": None} | annotation | more


@pytest.mark.parametrize("with_keys", [True, False])
def test_an_individual_of_wildbook_is_its_key(tmp_path: Path, with_keys: bool) -> None:
    """Numbers in `individual_ids` hold in one file only, and `info` says whose they are; 0 is one of them."""
    keys = ["0d9f8b7a-6c5d-4e3f-a2b1-c0d1e2f3a4b5", "9b8a7c6d-5e4f-4a3b-b2c1-d0e1f2a3b4c5", "11111111-0"]
    facts = [("Tala", 0), ("Tala", 1), (None, 2), ("Tala", 0), (None, None)]
    annotations = [
        wildbook(
            {"id": row, "image_id": 1, "uuid": f"u{row}", "name": name, "individual_ids": [] if at is None else [at]},
            **({"individual_uuid": None if at is None else keys[at]} if with_keys else {}),
        )
        for row, (name, at) in enumerate(facts, start=1)
    ]
    content = {
        "info": {
            "description": "Wildbook COCO Export",
            "individual_id_mapping": {key: at for at, key in enumerate(keys)},
        },
        "images": [{"id": 1, "file_name": "a.jpg", "uuid": "photo-uuid", "date_captured": None}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "leopard", "supercategory": "animal"}],
    }
    fill(tmp_path, "images/a.jpg")
    table = load_catalogue(write(tmp_path / "annotations/instances.json", content)).table
    animals = ["Tala (0d9f8b7a)", "Tala (9b8a7c6d)", keys[2], "Tala (0d9f8b7a)", "unknown"]
    assert table["identity"].tolist() == animals
    assert table["image_id"].tolist() == [f"u{row}" for row in range(1, 6)]
    assert set(table["photo_id"]) == {"photo-uuid"} and "secondary_identities" not in table
