"""Runs of this machine: what trainers write into files and print, read as the events of a job.

Each format has a reader of its own, which is pure: it gets bytes or lines, in the order in which they were
written, and returns entries.
"""
