"""Stay on a job until it is over."""
