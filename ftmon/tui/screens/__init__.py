"""The screens, one per file. A screen fills the terminal."""
