"""Fill gaps in pieces."""
