"""What tasks write: kept within bounds, and sent to where logs are gathered.

A task's ``stdout`` and ``stderr`` are files it writes to by itself; no process of ours stands in
between. ``files`` cuts one that has grown too large, under the writer's hands, ``rotation`` looks
which have; ``ledger`` remembers how much was cut and how much was sent. ``shipper`` sends new lines
to one of the ``sinks``: the files are its only buffer, so a sink that is away costs no memory, and
what is rotated away for good before it comes back is counted as dropped.
"""
