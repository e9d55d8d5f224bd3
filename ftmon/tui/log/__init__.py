"""The log of events without its widget: which events are shown, and how each row looks."""
