"""Text lines, JSON Lines and the closing summary."""
