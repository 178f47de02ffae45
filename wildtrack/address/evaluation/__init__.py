"""Test photos, a gallery and a method in; how good its answers are, with intervals, out.

- `data`: the photos of an evaluation, of a catalogue and a model
- `protocol`: which of them are queries, which are the gallery
- `scoring`: one matcher's scores of them
- `metrics`: scores -> R@k, mAP and their intervals
- `open_set`: decisions -> how many are right, for known and unknown animals
- `report`: all figures of one method, as in `metrics.json`
- `summary`: those figures on the screen
- `method`, `methods`: what can be compared, and each by its name
- `comparison`: the table of a comparison, as files
"""
