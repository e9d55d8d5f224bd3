"""What is seen on a screen: one widget per file."""
