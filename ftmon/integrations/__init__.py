"""Callbacks that publish the runs of training frameworks; each module imports its own framework."""
