"""Draws the curves of a run as text. It knows no widget and no Textual."""
