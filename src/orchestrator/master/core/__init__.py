"""What the master decides, pure: events in, effects out, no clock and no socket.

``master.Master`` is the state machine; start reading there. ``cluster`` is what it remembers.
What it does is in one module a subject: ``frameworks``, ``agents``, ``tasks``; ``allocation`` (with
``allocator``), ``offers``, ``answers`` to them and the ``operations`` in these; ``quota``,
``weights``, ``draining``, ``maintenance`` for ``operator``s. ``views`` and ``v1_views`` are how the
HTTP API shows it.
"""
