"""What is computed of a photo once and kept, found again by the digest of its file.

In: catalogue rows with digests, and what computes. Out: arrays, aligned with the rows.

- `features`: what was computed of photos, side by side, as matchers take it
- `embeddings`: what a model makes of a photo
- `keypoints`: where something is to be seen on a photo, and its descriptors
"""
