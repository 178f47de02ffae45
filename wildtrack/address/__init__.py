"""Address: the catalogue in; who each animal is, how sure that is and how well it was measured, out.

- `models/`: the network, built, saved, exported and opened
- `training/`: a split catalogue -> a trained network
- `features/`: a photo -> its embedding and keypoints, computed once
- `matching/`: features of queries and gallery -> scores, probabilities, decisions
- `gallery/`: the known photos with their features, searched
- `evaluation/`: how good the answers are
- `artifacts`: what a training leaves in a folder, sealed as a whole
"""
