"""What `make check` and the documentation need in addition to installed tools; WildTrack itself needs none of it."""
