"""As much of HTTP and WebSocket as a probe needs, on asyncio's streams.

An HTTP library would cost more memory than the rest of the probe. ``client`` asks over TCP, TLS and
unix sockets, and ``exchange`` is what it is answered; ``websocket`` is the client's side of
RFC 6455, pure; ``listening`` answers /health and /metrics.
"""
