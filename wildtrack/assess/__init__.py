"""Assess: the catalogue in; what is in it, what is wrong with it and how to split it out. Imports no model code.

- `checks`: runs every check that needs no model
- `statistics`: what a catalogue holds, counted
- `encounters`: which photos belong to one occasion
- `splits`: train, valid and test; `subsets`: which groups of rows leave train
- `leakage`: photos that give the answer of a test photo away
- `findings`: sentences on all results, the most urgent first
- `derived`: the catalogue without its copies, or with the suggested split
- `duplicates/`: photos that show the same picture
- `quality/`: blurred, dark, small or turned photos
- `labels/`: labels that embeddings contradict
"""
