"""Studies with faults planted in them, and a plain model of what must be read: it calls none of the package's rules.

- `outcome`: what is expected of a reading, and the comparison with what was read
- `photos`: the few photos that all studies are made of
- `study`: rows of a study, and the plain loops over them
- `faults`: what is planted in rows
- `written`: rows as a CSV, a COCO file, an export of Wildbook
- `folders`: a folder for each animal, with faults of its own
- `everything`: one catalogue with all that is no refusal, for a report
"""
