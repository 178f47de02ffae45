"""Detection: the file of a detector and photos in, the catalogue with a box for each animal out.

- `output`: what a detector found, whatever form its file has
- `megadetector`, `speciesnet`, `microsoft`: a file of one family of forms -> an `Output`
- `foreign`: files that hold no boxes of a detector, or labels that are not read: what they are, and what to do
- `names`: which photo each file name means
- `frames`: boxes as a detector writes them -> boxes of the upright photo
- `detections`: a file and the photos that it names, brought together
- `boxed`: detections -> a catalogue
- `crops`: boxes -> a folder with the cut-out animals and a catalogue of its own
"""
