"""Keeps containers to what they were given: processor, memory, processes, disk.

Start at ``cgroups``: one cgroup a container in every hierarchy that is of use, made before the
container starts and removed after its end, as ``directories`` below the agent's ``slots``.
``hierarchies`` finds out what this machine has (cgroup
v1, v2, or both), ``quota`` turns a task's resources into what the kernel is told, ``setting`` reads
the operator's choice. ``usage`` reads back what was used, ``disk`` adds up what lies in a sandbox,
and ``watch`` looks at both now and then and tells of a limit that was broken. The supervisor puts
each process into its cgroups, because only a parent can do so before the program runs.
"""
