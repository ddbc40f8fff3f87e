"""Containers of the Docker Engine: what they are called, made of and connected to; their controls.

``parsing`` reads the Engine's JSON (pure), ``source`` asks for it between reports and remembers
what does not change, ``controls`` carries out what users ask for. What containers use is read from
their cgroups (``containers``): the Engine's own stats cost it a second and much work each.
"""
