"""A split catalogue and settings in; a trained network, and what its validation photos teach, out.

- `model_config`: how a model was trained, `model_config.yaml`
- `recipe`: the stages, the margin and the validations of a training
- `data`: rows and class numbers
- `batches`: which photos a step sees together, and the dataset that Keras' `fit` is fed with
- `augmentation`: random changes that a field photo could have
- `losses`: ArcFace's margin and losses on pairs
- `checkpoints`: the state on disk, to go on from
- `trainer`: fits the network, validates it and keeps the best epoch
- `learn_matching`: validation photos -> what matchers' scores mean, and which is best
"""
