"""File formats: parse files to music and format music as files."""
