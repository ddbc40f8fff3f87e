"""Commands that talk to a running cluster, over the public APIs of Marathon and Mesos.

They work as well on an Apache Mesos cluster with the original Marathon. Data goes to stdout,
progress and prose to stderr.
"""
