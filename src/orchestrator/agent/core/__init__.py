"""What an agent decides, without a socket, a clock or a process.

Start reading at ``agent`` (the state machine: the link, recovery, leaving) and ``task`` (the life
of one task as a table); ``runner`` takes tasks through it. ``messages`` are the events that come in
and the effects that go out. ``admission`` says which tasks are refused and why, ``status`` words
their updates, ``updates`` and ``retries`` send these until they are acknowledged, ``registration``
keeps the link to the master, ``recovery`` compares what is remembered with what runs, ``book``
holds the tasks and ``checkpoint`` what of them goes to disk.
"""
