"""What this machine has recorded, in SQLite."""
