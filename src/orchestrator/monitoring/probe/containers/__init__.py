"""What containers use, from their cgroups, whichever engine made them.

The ids come from the processes themselves. So a container of an engine that nobody asks
(containerd, CRI-O, podman) is told, too, with what the kernel knows of it.
"""
