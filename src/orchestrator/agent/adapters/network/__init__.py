"""What a container's network needs: namespaces, CNI plug-ins, ports, rates and the overlay.

Start reading at ``networks`` (a container joins and leaves its networks) and ``cni`` (the plug-ins
that do the work, by the specification). ``namespaces`` makes network namespaces that last,
``records`` keeps on disk what was joined, ``etc_files`` writes what a container reads of its
network, ``builtin`` the configurations of the networks that every agent has. ``listening`` and
``port_checks`` see to it that a task on the host's network uses its own ports only. ``overlay``
connects the containers of all agents. docs/networking.md is the page for operators.
"""
