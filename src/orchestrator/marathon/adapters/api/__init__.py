"""Marathon's v2 REST API, one module a resource.

Handlers translate: parameters and bodies into commands for the core, its state and its outcomes
into Marathon's JSON. They decide nothing. ``backend`` is what they share.
"""
