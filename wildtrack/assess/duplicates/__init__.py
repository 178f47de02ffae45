"""Duplicates: photos in, those that show the same picture as another one out.

- `hashes`: perceptual hashes and the pairs that nearly agree
- `groups`: copies in a whole catalogue, and which of them can go
"""
