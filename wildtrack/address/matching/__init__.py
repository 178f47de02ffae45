"""Features of queries and of a gallery in; scores of photos and animals, what they mean, and a decision out.

- `matcher`: what a matcher is, and the registry of those there are
- `embedding`: by the cosine of two embeddings
- `local/`: by keypoints in one arrangement
- `fused`: by the log-odds that several of them give
- `viewpoints`: how the viewpoints of two photos relate
- `calibration`: a score -> the log-odds that two photos show one animal
- `identities`: scores of photos -> scores of the animals on them
- `decision`: scores of animals -> match, review or new
- `matching`, `matching_json`: what was learnt, in memory and on disk
"""
