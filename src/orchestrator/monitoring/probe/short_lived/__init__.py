"""Processes that begin and end between two reports: the kernel tells of each (proc connector).

``parsing`` reads its messages (pure), ``source`` looks at what begins while it is there.
"""
