"""The probe: what one machine runs and whom it talks to, told to the app.

A *source* is a folder that knows one thing (``host``, ``processes``, ``connections``, ``docker``)
and plays up to four small roles (``roles``): it reports, adds to what others report, works between
reports, carries out controls. ``sources`` lists them, ``survey`` makes one report of all, and
``publishing`` sends it. ``control`` is the other way: what the app asks for.

Parsing is pure and apart from reading in every source. Nothing here imports an HTTP library, a web
server or an SDK: sockets, ``struct`` and msgspec, so that a probe is small beside what it watches.
"""
