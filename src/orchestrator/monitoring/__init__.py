"""Monitoring: probes that see one machine each, and an app that knows what all of them see.

``report`` is the contract between the two; ``probe`` makes reports, ``app`` takes them and serves
what ``render`` makes of them. A probe never renders.
"""
