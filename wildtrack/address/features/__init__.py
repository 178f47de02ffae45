"""What is computed of a photo once and kept, found again by the digest of its file.

In: catalogue rows with digests. Out: arrays aligned with the rows.

- `features`: embeddings, viewpoints and keypoints of photos, as matchers take them
- `embeddings`: a model's outputs for photos
- `keypoints`: SIFT keypoints of photos and their descriptors
"""
