"""The screen: draws what is known of a run, and never asks the network itself."""
