"""Fill gaps in tunes."""
