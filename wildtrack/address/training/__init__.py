"""A split catalogue and settings in; a trained network, and what its validation photos teach, out.

- `model_config`: how a model was trained, `model_config.yaml`
- `recipe`: the stage, learning rate and margin of each moment
- `data`: rows and class numbers, and how an epoch is scored
- `batches`: which photos a step sees together
- `augmentation`: random changes that a field photo could have
- `losses`: ArcFace's margin and losses on pairs
- `trainer`: fits the network and keeps the best epoch
- `learn_matching`: validation photos -> what matchers' scores mean, and which is best
- `checkpoints`: the state on disk, to go on from
"""
