"""Access: photos and their labels on disk in, the catalogue out. Imports no model code.

The table:

- `catalogue`: the table that everything works on, and its validation
- `labelled`: its photos of known animals, decoded
- `problems`: the list of photos and rows that could not be used
- `save`: writes it next to its photos

Its values, from what was written to the standard form:

- `cells`: one value of any column
- `dates`: when a photo was taken, from any way of writing it
- `names`: what a name says: an animal, nobody, nothing
- `reading`: what a user says about data that cannot be read in one way only

Its rows, held against each other and against the photos:

- `identities`: which rows show one animal
- `ids`: the image_id and photo_id of rows, unique across tables
- `boxes`: boxes in pixels of the upright photo, and relative to its size
- `box_checks`: what the numbers of boxes mean, and whether the photos are still as they were

Where it comes from and goes to:

- `readers/`: a folder, a CSV or a COCO file -> the catalogue
- `sources/`: public datasets, a YAML file each
- `download/`: their archives, fetched and unpacked
- `photos/`: a photo file -> pixels, digest, date and place
- `detection/`: boxes of a detector, and the animals cut out by boxes
- `exports/`: the catalogue in the forms that other programs take
- `demo/`: drawn turtles, a dataset that needs no download
"""
