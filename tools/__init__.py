"""What `make check` and the documentation need beside installed tools; nothing here is needed to use WildTrack."""
