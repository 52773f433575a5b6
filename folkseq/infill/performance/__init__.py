"""Fill gaps in performances."""
