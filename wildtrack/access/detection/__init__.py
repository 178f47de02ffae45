"""Detection: boxes around animals in, the catalogue with them out.

- `megadetector`: the JSON that MegaDetector writes -> boxes
- `crops`: boxes -> a folder with the cut-out animals and a catalogue of its own
"""
