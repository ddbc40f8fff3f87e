"""Kubernetes: which pod a container is of, and what is above pods.

Every probe asks the API server for the pods of its own machine, and for the services of their
namespaces; one of the cluster, which was told so, for all that is above them. ``objects`` reads the
server's JSON, ``parsing`` makes nodes of it, ``joining`` finds what belongs together (all pure),
``server`` and ``api`` ask, and ``source`` says when and for what.
"""
