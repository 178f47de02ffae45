"""Catalogue in, answers out: what is in it, what is wrong with it, how to split it."""
