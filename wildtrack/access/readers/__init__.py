"""Readers: a folder, a CSV or a COCO file in, a `Catalogue` out.

- `load`: finds out which layout it is, and calls its reader
- `folders`: a folder per identity
- `folder_names`: whether folders are called like animals
- `nearly`: annotations where no reader looks for them
- `gallery_words`: subsets train, query and gallery
- `spreadsheet`: a CSV as spreadsheet programs save it
- `joined`: columns of it that say one thing together
- `table`: a CSV with a row for each photo, read and written
- `coco_json`: what all COCO layouts share
- `coco`: any COCO file that names individuals
- `wildme`: what Wild Me (Wildbook) exports
- `seaturtles`: SeaTurtleID2022 and SeaTurtleIDHeads
"""
