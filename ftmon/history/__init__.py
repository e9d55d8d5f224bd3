"""Everything recorded on this machine, in SQLite."""
