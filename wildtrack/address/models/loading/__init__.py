"""Model files of other programs and versions in; what Keras and ONNX Runtime may open safely, out.

- `containers`: .keras, .h5 and weights, looked through first
- `keras_config`: the layers that a configuration may name
- `legacy`: configurations of Keras 2 in the words of Keras 3
- `onnx_file`: any ONNX model as an engine
- `plain_pickle`: pickles of plain values
"""
