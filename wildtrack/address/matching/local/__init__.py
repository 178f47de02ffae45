"""Keypoints of queries and of a gallery in; how much two photos share, and where, out. Needs no training.

- `voting`: the index of a gallery's keypoints, their votes (LNBNN), and which of them one affine map explains (MAGSAC)
- `matcher`: both together, as a matcher
- `files`: the index on disk
"""
