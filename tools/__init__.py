"""What writes parts of the documentation; nothing here is needed to use WildTrack."""
