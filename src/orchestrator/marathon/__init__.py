"""Marathon: long-running services on any Mesos v1 master, with Marathon's v2 REST API.

``core`` decides (pure), ``adapters`` speak HTTP in both directions, ``server`` puts them together.
"""
