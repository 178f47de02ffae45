"""Quality: photos in, a row of measures and the issues of each out.

- `measures`: what is measured on one photo
- `rotation`: photos that lie on their side or head
- `flags`: the measures of a catalogue, and the issues beyond a threshold
- `fiftyone`: the measures as fields of a FiftyOne dataset
"""
