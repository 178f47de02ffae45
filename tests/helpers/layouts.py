"""Trees of exactly the form in which the public datasets come, a few photos of each."""

import io
import json
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

Files = dict[str, bytes]

SPLITS = """\
id,file_name,identity,timestamp,date,width,height,year,split_closed,split_closed_random,split_open
1,images/t001/CAluWEgwPX.JPG,t001,2014:07:14 14:49:45,2014:07:14,2000,1333,2014,train,test,train
2,images/t001/EKyrFKHQzh.JPG,t001,,2015:07:01,2000,1333,2015,valid,train,train
3,images/t003/zlkamyNHCP.jpg,t003,2010:08:23 23:19:04,2010:08:23,2000,1124,2010,test,valid,test
"""
LICENSE = {"id": 3, "name": "NonCommercial-NoDerivs", "url": "http://creativecommons.org/licenses/by-nc-nd/2.0/"}


@cache
def photo(number: int, width: int = 32, height: int = 24) -> bytes:
    """A JPEG of noise, in blocks where it is large."""
    pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST).save(stream, "JPEG")
    return stream.getvalue()


def wildme_image(number: int, **more: Any) -> dict[str, Any]:
    """An image entry with the fields of the GZGC file."""
    who = {"photographer": "NNP GZC Car '10WHITE', Person 'A', Image 0005", "license": 3, "coco_url": None}
    place = {"gps_lat_captured": -1.351341, "gps_lon_captured": 36.800374, "date_captured": "2015-03-01 14:53:46"}
    file = {"file_name": f"{number:012d}.jpg", "height": 2000, "width": 3000, "id": number, "uuid": f"u{number}"}
    return who | place | file | {"flickr_url": None} | more


def wildme_annotation(number: int, image: int, **more: Any) -> dict[str, Any]:
    """An annotation entry with the fields of the GZGC file."""
    box = {"bbox": [895.5, 437.0, 1221.0, 690.0], "theta": 0.0, "viewpoint": "left", "area": 841800, "iscrowd": 0}
    mask = {"segmentation": [[896, 437, 2116, 437, 2116, 1127, 896, 1127]], "segmentation_bbox": [896, 437, 1220, 690]}
    ids = {"id": number, "image_id": image, "category_id": 1, "uuid": "7cfac6bc-379a-4859-a5c8-b21b06d2fe3d"}
    name = {"individual_ids": [2, 1, 3, 3459], "name": "IBEIS_PZ_1561", "isinterest": 0, "review_ids": []}
    return box | mask | ids | name | more


def wildme(name: str, year: int, annotations: list[Any], images: list[Any]) -> Files:
    """NAME.coco with its annotations and photos."""
    content = {
        "info": {"description": "Wild Me"},
        "licenses": [LICENSE],
        "categories": [
            {"id": 0, "name": "giraffe_masai", "supercategory": "animal"},
            {"id": 1, "name": "zebra_plains", "supercategory": "animal"},
        ],
        "images": images,
        "annotations": annotations,
        "parts": [],
    }
    photos = {
        f"{name}.coco/images/train{year}/{image['file_name']}": photo(image["id"], 3000, 2000) for image in images
    }
    return {f"{name}.coco/annotations/instances_train{year}.json": json.dumps(content).encode()} | photos


def small_wildme(name: str, year: int) -> Files:
    """Two photos, three animals, one of them without a name."""
    annotations = [
        wildme_annotation(1, 1, bbox=[1.5, 2, 20, 10]),
        wildme_annotation(2, 2, name="____", bbox=[0, 0, 30, 20]),
        wildme_annotation(3, 2, category_id=0, name="NNP_GIRM_0140", bbox=[3, 3, 9, 9]),
    ]
    return wildme(name, year, annotations, [wildme_image(1), wildme_image(2, date_captured="NA")])


def turtle_annotation(number: int, image: int, category: int, **more: Any) -> dict[str, Any]:
    """An annotation entry with the fields of SeaTurtleID2022."""
    mask = {"counts": [858927, 7, 1322, 23], "size": [1333, 2000]}
    shape = {"segmentation": mask, "area": 4065.0, "bbox": [644.0, 441.0, 70.0, 78.0], "iscrowd": 1}
    ids = {"id": number, "image_id": image, "category_id": category}
    return ids | shape | {"attributes": {"orientation": "left", "occluded": False}} | more


def seaturtleid2022() -> Files:
    """Three photos, the head annotated on two of them."""
    names = ("images/t001/CAluWEgwPX.JPG", "images/t001/EKyrFKHQzh.JPG", "images/t003/zlkamyNHCP.jpg")
    image = {"coco_url": "", "date_captured": 0, "flickr_url": "", "height": 1333, "width": 2000, "license": 0}
    content = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {},
        "categories": [
            {"id": number, "name": name, "supercategory": ""}
            for number, name in enumerate(("turtle", "flipper", "head"), start=1)
        ],
        "images": [image | {"id": number, "file_name": name} for number, name in enumerate(names, start=1)],
        "annotations": [
            turtle_annotation(1, 1, 3),
            turtle_annotation(2, 1, 1, bbox=[10, 20, 300, 400]),
            turtle_annotation(3, 2, 3, bbox="[1.0, 2.0, 30.0, 40.0]", attributes={"orientation": "topright"}),
            turtle_annotation(4, 3, 2, attributes={"location": "front_left"}),
            turtle_annotation(5, 3, 2, attributes={"location": "front_right"}),
        ],
    }
    files = {"annotations.json": json.dumps(content).encode(), "metadata_splits.csv": SPLITS.encode()}
    files |= {name: photo(number, 2000, 1124 if number == 2 else 1333) for number, name in enumerate(names)}
    return {f"turtles-data/data/{name}": found for name, found in files.items()}


def seaturtleidheads() -> Files:
    """Two cropped heads."""
    content = {
        "images": [
            {"id": 1, "path": "/authors/disk/t001/a.JPG", "date": "2014:07:14 14:49:45", "width": 300, "height": 200},
            {"id": 2, "path": "b.jpg", "date": "2012/08/01", "width": 30, "height": 20},
        ],
        "annotations": [
            {"id": 11, "image_id": 1, "identity": "t001", "position": "topleft"},
            {"id": 12, "image_id": 2, "identity": "t002", "position": "right"},
        ],
    }
    return {
        "annotations.json": json.dumps(content).encode(),
        "images/t001/a.JPG": photo(1),
        "images/t002/b.jpg": photo(2),
    }


def wildlife_reidentification() -> Files:
    """The repository that holds nyala and lion, as GitHub packs it."""
    names = (
        "README.md",
        "Nyala_Data_Zero/test/1/14_leftphoto.jpg",
        "Nyala_Data_Zero/test/1/14_rightphoto.jpg",
        "Nyala_Data_Zero/train/100/124_leftphoto.jpg",
        "Lion_Data_Zero/train/Chaimu/Chaimu_left_ear.png",
        "Lion_Data_Zero/train/Chaimu/Chaimu_Nose.png",
        "Lion_Data_Zero/val/Nariku-Inkgera/Nariku-Inkgera_Right_Face.png",
    )
    return {f"wildlife_reidentification-main/{name}": photo(number) for number, name in enumerate(names)}


def sea_star_re_id_2023() -> Files:
    """Three photos of two species."""
    names = ("Anau01/IMG_0001.jpg", "Asru76/IMG_8688.jpg", "Asru76/IMG_8548.jpg")
    return {f"sea-star-re-id/{name}": photo(number) for number, name in enumerate(names)}
