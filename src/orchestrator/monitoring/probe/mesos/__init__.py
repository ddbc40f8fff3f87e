"""Mesos and Marathon: which task a container is of, and which app a task.

The agent of the machine is asked, and by the one probe of a cluster that was given their addresses
the master and Marathon. ``parsing`` reads their JSON (pure), ``polling`` asks, as whom
``credential`` says.
"""
