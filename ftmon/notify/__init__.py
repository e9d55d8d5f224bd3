"""Tells somebody who does not look what of a run is worth knowing."""
