"""Model files of other programs and versions in; what Keras and ONNX Runtime can open safely, out.

- `containers`: checks .keras, .h5 and weights files before they are opened
- `keras_config`: the layers that a configuration may name
- `legacy`: configurations of Keras 2 rewritten for Keras 3
- `onnx_file`: any ONNX model as an engine
- `plain_pickle`: pickles of plain values
"""
