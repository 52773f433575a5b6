"""Music as files: parse and format."""
