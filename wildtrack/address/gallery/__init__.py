"""Known photos and a model in; an answer for each query out.

- `gallery`: the known photos with their features, which can be searched and extended
- `index`: the FAISS index of their embeddings
- `files`: both on disk
- `freshness`: whether the photos are still those that it was built of
- `build`: opens the gallery of a model, builds it, or brings it up to date
- `ranking`: the animals of the gallery, ranked for a query
- `searcher`: a photo -> its answer
- `answers`: the answer
- `explain`: why two photos match
"""
