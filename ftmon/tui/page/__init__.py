"""What the run's page tells of a run; knows no widget."""
