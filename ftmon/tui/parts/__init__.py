"""What the rows around the log tell of a run, as parts. It knows no widget."""
