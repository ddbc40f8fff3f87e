"""What is decided about two ensembles that are kept equal, pure: no clock, socket, file or chance.

Start reading at ``merge`` (what one path becomes), then ``engine`` (the machine), whose contract is
``settings``, ``events`` and ``effects``. ``docs/sync.md`` says the rules as a user sees them.
"""
