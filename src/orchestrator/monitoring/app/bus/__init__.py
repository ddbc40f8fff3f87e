"""Several replicas of the app: each takes in what any of them was told, over NATS.

A probe reports to one replica, which passes the report on (``link``); controls go to the replica
that has the probe's channel (``controls``). No replica leads and none waits for another: one that
is killed takes only its own connections with it, and whoever reported to it reports to another.
"""
