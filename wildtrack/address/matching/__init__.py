"""Features of queries and of a gallery in; scores of photos and animals, what they mean, and a decision out.

- `matcher`: the base class of matchers, and their registry
- `embedding`: scores by the cosine of two embeddings
- `local/`: scores by keypoints that two photos share
- `fused`: adds the log-odds of several matchers
- `viewpoints`: whether two photos show the same viewpoint
- `calibration`: a score -> the log-odds that two photos show one animal
- `identities`: scores of photos -> scores of the animals on them
- `decision`: scores of animals -> match, review or new
- `matching`: what was learnt on validation photos, in memory and on disk
"""
