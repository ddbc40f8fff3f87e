"""Processes, from /proc: who runs, since when, in which container, with how much of the machine."""
