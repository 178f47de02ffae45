"""Photos: a file in, its pixels and what else it holds out.

- `reader`: the one photo reader: upright uint8 RGB pixels, at a size, cropped to a box
- `shown`: what a viewer shows of deep, transparent and printing colours
- `pixel_cache`: a catalogue's photos decoded once and kept
- `digests`: the SHA-256 of each file
- `exif`: date and place from the header
- `formats`: which formats are read, and how to convert the others
- `find`: files, folders and patterns -> photos
- `names`: photos by name, whatever the case and the coding of accents
- `thumbnails`: small photos for people, never an error
- `strip_metadata`: photos without GPS or any other metadata
"""
