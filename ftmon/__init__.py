"""ftmon watches a fine-tuning job from the terminal until it is over."""

__version__ = "0.1.0"
