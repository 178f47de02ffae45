"""Access: photos and their labels on disk -> the catalogue. Knows files and formats, knows no model."""
