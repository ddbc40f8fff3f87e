"""Health checks: those that Marathon makes itself, and what agents report of those they make.

``verdict`` says what one result means, ``book`` holds the results of all checks, ``targets`` says
where an instance is reached, ``monitor`` decides when to check and whom to kill, ``announcer``
tells listeners which checks there are, ``happenings`` are the events.
"""
