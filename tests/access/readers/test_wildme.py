from pathlib import Path

import pytest

from tests.helpers.label_files import gzgc
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
