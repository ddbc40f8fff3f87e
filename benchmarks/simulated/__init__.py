"""The other side of a master under load: thousands of agents and a framework in one process.

Both speak the protocols by hand, with templates instead of encoders and readers that look at the
few fields they need, so that they cost less than what they measure. ``stub`` is the baseline: it
moves the same bytes through the same HTTP and WebSocket stack and decides nothing.
"""
