"""`orchestrator top`: what runs where, live, in a terminal.

``feed`` follows a view over the monitoring app's WebSocket, ``choice`` is what the keys do,
``listing`` orders and words what there is, ``screen`` draws it, ``command`` puts them together.
"""
