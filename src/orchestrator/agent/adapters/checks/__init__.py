"""Makes the checks that the core asks for, where the task is.

``prober`` takes what is to be tried and tells how it ended; ``sockets`` opens connections in a
task's network namespace, ``http`` and ``tcp`` use them; ``commands`` runs commands beside tasks,
by way of ``spawner``, a small process of its own. This file imports nothing, so that one starts
fast and stays small.
"""
