"""CSV files as spreadsheet programs save them."""

from pathlib import Path

import pytest

from tests.helpers.label_files import HEADER, fill, listed
from wildtrack.access.readers.table import is_catalogue, read_table
from wildtrack.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill(tmp_path / "photos", "Ana/1.jpg", "Zoë/2.jpg")


ROWS = "1,Ana,Ana/1.jpg\n2,Zoë,Zoë/2.jpg\n"
TABLE = HEADER + ROWS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TABLE.encode(), ""),
        (TABLE.encode("utf-8-sig"), ""),
        (TABLE.encode("utf-16"), ""),
        (TABLE.encode("utf-16-le"), ""),
        (TABLE.encode("utf-16-be"), ""),
        (TABLE.replace(",", "|").encode(), ""),
        (TABLE.replace(",", "\t").encode("utf-16"), ""),  # what Excel calls Unicode text
        (TABLE.encode("cp1252"), "\nread as Western European text, such as 'Zoë'"),
        (
            TABLE.replace("\n", "\r\n").replace(",", ";").encode("cp1252"),
            "\nread as Western European text, such as 'Zoë'",
        ),
        (("sep=;\n" + TABLE.replace(",", ";")).encode(), ""),
        (("Photos of 2024,,\n,,\n" + TABLE).encode(), "\nits header is line 3"),
        (("who and where\n" + TABLE.replace(",", ";")).encode(), "\nits header is line 2"),
        (("Image_ID,Identity,Path\n" + ROWS).encode(), ""),
        (("image id , IDENTITY,File Name\n" + ROWS).encode(), ""),
        (("ImageID,identity,filePath\n" + ROWS).encode(), ""),
        ("image_id,identity,path \n 1 ,Ana ,Ana/1.jpg \n2, Zoë\u00a0,Zoë/2.jpg\n".encode(), ""),
        (
            TABLE.replace("Ana/", "C:\\\\Users\\\\me\\\\photos\\\\Ana\\\\")
            .replace("Zoë/", "C:/Users/me/photos/Zoë/")
            .encode(),
            None,
        ),
        (TABLE.replace("Ana/", "/home/me/photos/Ana/").replace("Zoë/", "/home/me/photos/Zoë/").encode(), None),
        (TABLE.replace("Ana/", "photos/Ana/").replace("Zoë/", "photos/Zoë/").encode(), None),  # from the folder above
        (TABLE.replace("Ana/", "file:///a/Ana/").replace("Zoë/", "file:///a/Zoë/").encode(), None),
    ],
)
def test_tables_of_spreadsheets_are_read(root: Path, content: bytes, said: str | None) -> None:
    (root / "t.csv").write_bytes(content.replace(b"\\\\", b"\\"))
    assert is_catalogue(root / "t.csv")
    catalogue = read_table(root / "t.csv")
    assert catalogue.table["identity"].tolist() == ["Ana", "Zoë"]
    assert catalogue.table["path"].tolist() == ["Ana/1.jpg", "Zoë/2.jpg"]
    assert catalogue.problems.empty
    said = "\nits paths read without " if said is None else said
    assert catalogue.understood.startswith(f"the table t.csv: 2 photos of 2 identities{said}")


@pytest.mark.parametrize("path", ["ANA/1.JPG", "ana\\1.jpg ", "Zoe\u0308/2.JPG"])
def test_paths_that_differ_in_case_or_the_coding_of_accents(root: Path, path: str) -> None:
    (root / "t.csv").write_text(f"{HEADER}1,Ana,{path}\n", encoding="utf-8")
    found = read_table(root / "t.csv").table["path"].tolist()
    assert found in (["Ana/1.jpg"], ["Zoë/2.jpg"])
    (root / "ana").mkdir(exist_ok=True)
    if not (root / "ana/1.jpg").exists():  # there, names that differ in case are two
        for twin in ("ana/1.jpg", "aNA/1.jpg"):
            (root / twin).parent.mkdir(exist_ok=True)
            (root / twin).touch()
        (root / "t.csv").write_text(f"{HEADER}1,Ana,ANA/1.jpg\n2,Ana,Ana/1.jpg\n")
        assert list(listed(read_table(root / "t.csv"))) == ["ANA/1.jpg"]


@pytest.mark.parametrize("header", ["individual_uuid", "Individual UUID", "INDIVIDUAL_UUID"])
def test_keys_of_animals_under_a_header_spelt_otherwise(root: Path, header: str) -> None:
    (root / "t.csv").write_text(f"image_id,identity,path,{header}\n1,Tala,Ana/1.jpg,a1\n2,Tala,Zoë/2.jpg,b2\n", "utf-8")
    assert read_table(root / "t.csv").table["identity"].tolist() == ["Tala (a1)", "Tala (b2)"]


def test_a_name_that_was_looked_up_and_not_found_is_nobodys(root: Path) -> None:
    (root / "t.csv").write_text(f"{HEADER}1,#N/A,Ana/1.jpg\n2,Ana,Ana/1.jpg\n")
    found = read_table(root / "t.csv")
    assert found.table["identity"].tolist() == ["unknown", "Ana"] and "read as unknown: #N/A (1)" in found.understood


def test_absolute_paths_in_the_folder_itself(root: Path) -> None:
    (root / "t.csv").write_text(HEADER + f"1,Ana,{root}/Ana/1.jpg\n")
    assert read_table(root / "t.csv").table["path"].tolist() == ["Ana/1.jpg"]


def test_absolute_paths_that_lead_elsewhere_are_listed(root: Path) -> None:
    (root / "t.csv").write_text(HEADER + "1,Ana,Ana/1.jpg\n2,Zoë,/elsewhere/x.jpg\n3,Bo,D:/a/Ana/1.jpg\n")
    catalogue = read_table(root / "t.csv")
    assert catalogue.table["path"].tolist() == ["Ana/1.jpg"]
    assert all("absolute" in reason for reason in listed(catalogue).values())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,9.9823E+14,Ana/1.jpg", "line 3, column identity: '9.9823E\\+14' is a number that the spreadsheet rounded"),
        ('1,"9,98E+14",Ana/1.jpg', "line 3, column identity: '9,98E\\+14' is a number"),
        ("1,9.98E14,Ana/1.jpg", "line 3, column identity: '9.98E14' is a number"),
        ("1,#NAME?,Ana/1.jpg", "line 3, column identity: '#NAME\\?' is the spreadsheet's error"),
        ("1,Ana,#REF!", "line 3, column path: '#REF!' is the spreadsheet's error"),
        ("#####,Ana,Ana/1.jpg", "line 3, column image_id: '#####' is the spreadsheet's error"),
        ("1,Zo\ufffd,Ana/1.jpg", "line 3, column identity: .* is a name of which a letter is lost"),
        ("1,=A1,Ana/1.jpg", "line 3, column identity: '=A1' is the spreadsheet's error or formula"),
        ('1,"Ana,Ana/1.jpg\n2,Zoë,Zoë/2.jpg', "column identity: 'Ana,Ana/1.jpg.* of several lines; is a double quote"),
    ],
)
def test_what_a_spreadsheet_broke_is_refused(root: Path, row: str, message: str) -> None:
    (root / "t.csv").write_text(f"{HEADER}0,Ana,Ana/1.jpg\n{row}\n")
    with pytest.raises(UserError, match=message) as error:
        read_table(root / "t.csv")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["998230000006455", "1E5", "E+14", "#12", "N/A-3", "#NAME"])
def test_names_that_only_look_broken(root: Path, name: str) -> None:
    (root / "t.csv").write_text(f"{HEADER}1,{name},Ana/1.jpg\n")
    assert read_table(root / "t.csv").table["identity"].tolist() == [name]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (['"=""012"""', "'007"], ["012", "007"]),
        (["7.0", "8.0"], ["7", "8"]),  # the column had an empty cell in pandas
        (["7.0", "8.5"], ["7.0", "8.5"]),
        (["7.0", "8"], ["7.0", "8"]),
        (["'Ana'", "A.0"], ["'Ana'", "A.0"]),
    ],
)
def test_numbers_that_are_names(root: Path, written: list[str], expected: list[str]) -> None:
    (root / "t.csv").write_text(f"{HEADER}1,{written[0]},Ana/1.jpg\n2,{written[1]},Zoë/2.jpg\n")
    catalogue = read_table(root / "t.csv")
    assert catalogue.table["identity"].tolist() == expected
    assert ("identities read without .0, such as 7.0" in catalogue.understood) == (expected == ["7", "8"])


@pytest.mark.parametrize("columns", ["xmin,ymin,xmax,ymax", "bbox_x,bbox_y,bbox_w,bbox_h", "left,top,right,bottom"])
def test_boxes_in_columns_of_their_own_are_read_and_said(root: Path, columns: str) -> None:
    (root / "t.csv").write_text(f"image_id,identity,path,{columns}\n1,Ana,Ana/1.jpg,1,2,30,40\n")
    assert "\nits boxes are the columns " + columns.replace(",", ", ") in read_table(root / "t.csv").understood
    (root / "t.csv").write_text("image_id,identity,path,x1,side,width,height\n1,Ana,Ana/1.jpg,1,2,30,40\n")
    assert "its boxes are" not in read_table(root / "t.csv").understood


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ("[10,5; 20; 30,25; 40]", (10.5, 20, 30.25, 40)),
        ("10,5, 20,0, 30,0, 40,0", (10.5, 20, 30, 40)),
        ("10,20,30,40", (10, 20, 30, 40)),
        ("[10, 20, 30, 40]", (10, 20, 30, 40)),
    ],
)
def test_decimal_commas(root: Path, box: str, expected: tuple[float, ...]) -> None:
    header = "image_id;identity;path;latitude;longitude;bbox"
    (root / "t.csv").write_text(f'{header}\n1;Ana;Ana/1.jpg;-1,35;36.8;"{box}"\n')
    row = read_table(root / "t.csv").table.iloc[0]
    assert (row["latitude"], row["longitude"], row["bbox"]) == (-1.35, 36.8, expected)
