"""Files and folders, written whole or not at all, checked when they are read. Knows no photos and no models.

In: paths, bytes, text, tables, and functions that write a file. Out: the same again, or one line on what is wrong.

- `files`: one file or folder, written in one step; SHA-256, CSV, mapped arrays
- `sealed`: files that belong together, sealed by a manifest and replaced as a whole (`SealedSet`)
- `cache`: what was computed once and is kept within a limit (`Cache`, `CacheConfig`)
- `lock`: one process at a time in a folder
- `ownership`: which files among the user's photos WildTrack wrote
- `json_files`: JSON from elsewhere, read within bounds
- `threads`: work on many items in threads, in order
"""
