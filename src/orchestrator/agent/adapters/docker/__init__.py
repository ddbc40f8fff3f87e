"""Command tasks in containers of a real Docker Engine, through its HTTP API.

``spec`` translates a task into what the Engine understands (pure), ``engine`` is the client,
``logs`` copies a container's output into its sandbox, ``containerizer`` runs the life of each.
"""
