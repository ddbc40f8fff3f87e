"""Commands that somebody runs beside a task, and talks to while they run.

``sessions`` knows all of them and bounds their number; ``session`` passes the output of one on to
whoever reads it, at the pace of the slowest. How a command is run is its place's business:
``host`` for processes of this machine and for what enters containers of runc, each below a
``keeper`` that ends whatever it started when the agent is gone; ``docker`` for containers of the
Engine. No session outlives its agent or its task.

Tasks may have terminals of their own: that of a plain command is held by a ``console``, that of a
container of runc by one that ``contained`` starts; the agent reaches both by ``consoles``. Keeper,
consoles and what they share use the standard library only.
"""
