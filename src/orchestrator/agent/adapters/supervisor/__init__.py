"""The supervisor: a small process that runs the agent's commands and outlives the agent.

A process can only be waited for by its parent, so whoever starts tasks must live as long as they
do. That is this process' one job: it spawns, reaps, signals and remembers, and decides nothing
else.

Read first ``wire``, what it and the agent say to each other, and ``journal``, what it remembers
over its own death. Then the life of a container:

- ``launching`` starts it, itself or by one of the ``starters``; ``adoption`` takes over what an
  earlier supervisor had started;
- ``kills`` says which signals are due, and when the grace is over;
- ``sweep`` looks at all processes, sends the signals, notices the end, clears away the rest.

``daemon`` is the loop that they all run in, ``timing`` its clock, ``peer`` its end of the
connection to the agent, whose own end is ``client``. ``processes`` and ``cgroups`` are how it
starts processes and finds all that belongs to a container.

All but ``client`` use the standard library only, to stay below 20 MB.
"""
