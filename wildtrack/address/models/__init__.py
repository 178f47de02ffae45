"""Settings or files in; a network that runs on pixels, by Keras or ONNX Runtime, out.

- `backbones`: the networks of keras.applications without their tops
- `builder`: backbone and embedding head -> the network that is trained
- `layers`: the head's own layer, `L2Normalize`
- `scaling`: the range of pixel values that a network expects
- `preprocessor`: what inference must know of a model
- `network`: any saved Keras model as one network with its embedding as an output
- `loading/`: model files of other programs and versions, checked before they are opened
- `export`: a network -> ONNX
- `engines`: run a network on photos
- `saved`: the model in an artifacts folder -> the engine that runs it
- `fingerprint`: names for a model and for the files made with it
- `megadescriptor`: a network of another project, by PyTorch
"""
