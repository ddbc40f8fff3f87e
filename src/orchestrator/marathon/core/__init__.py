"""What Marathon decides, as pure code: events and the time go in, effects come out.

Where to start reading: ``marathon`` (the state machine), ``app`` (what users ask for), ``instance``
(what runs for it), ``deployment`` (how one becomes the other), ``matching`` (what fits where).
"""
