"""From the reports of all probes to what people look at: pure.

``picture`` holds the latest report of each probe and finds out who is at the other end of a
connection (``ends``). ``views`` says which kinds of node can be looked at; ``live`` keeps one view
up to date as reports come, touching only what they change. ``query`` reads and applies filters,
``selection`` is a view through a filter, ``details`` all that is known of one node. ``layout``
gives every node its place, ``frames`` writes what changed for those who watch.
"""
