"""The app: takes the reports of all probes, and serves views, history and control.

``intake`` is what becomes of a report, ``roster`` who reports; ``watching`` keeps the views that
somebody looks at and writes their frames; ``history`` keeps series and topology on disk;
``control`` passes controls to probes; ``api`` is HTTP. One event loop does it all: nothing here
takes long but compressing history, which is done in a thread.
"""
