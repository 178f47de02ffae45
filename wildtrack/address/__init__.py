"""Catalogue -> who is it? Embeddings, index, ranking, figures."""
