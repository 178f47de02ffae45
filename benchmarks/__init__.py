"""Timings and figures, side by side; see `make bench`."""
