"""Benchmarks: ``python -m benchmarks.NAME [--json FILE]``, each with its baseline in the same run.

The machines these run on are shared, so what counts are ratios and medians; absolute figures only
compare with others of the same run. ``harness`` has what all of them need.
"""
