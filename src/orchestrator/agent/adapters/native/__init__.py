"""The native containerizer: tasks in containers of runc, without a daemon.

``containers`` prepares a container and clears it away; the supervisor starts and watches it as it
does every command. What a container is to be, is decided by pure translation: ``process`` (what
runs, as whom), ``capabilities``, ``seccomp``, ``devices``, ``volumes``, and ``spec``, which puts
all of it into the ``config.json`` of an OCI runtime bundle. ``bundles`` are the directories and
mounts on this machine, ``accounts`` and ``rooted`` look into an image without leaving it.
Source: the OCI Runtime Specification 1.0.2; the isolators of Apache Mesos.
"""
