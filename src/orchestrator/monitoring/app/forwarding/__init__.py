"""Series leave the app: sent to whatever store speaks Prometheus' remote write (``forwarder``).

``wire`` is what is sent, ``backlog`` what waits to be.
"""
