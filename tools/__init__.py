"""What `make check` runs beside the tools that are installed for it."""
