"""Duplicates: photos in, those that show the same picture as another one out.

- `hashes`: perceptual hashes and digests of pixels, and the pairs that nearly agree
- `groups`: exact and near copies of a whole catalogue, and which of them may leave
"""
