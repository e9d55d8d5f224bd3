"""A run as lines on stdout: text or JSON, with notices on stderr and a summary at the end."""
