"""Controls: asked over HTTP, carried out by the probe that reports the node.

``hub`` has the channels that probes opened and what is on its way on them, ``audit`` the record of
who did what.
"""
