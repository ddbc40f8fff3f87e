"""The overlay: containers of all agents reach each other by address, over VXLAN.

Every agent has a subnet for its containers, on a bridge that the CNI plug-ins make. Between hosts,
packets for another agent's subnet are routed into one VXLAN device and travel in UDP to that
agent's host. Nothing is learnt by flooding: the master tells where each subnet is, and three
entries per peer say it to the kernel (a route, a neighbour, a forwarding entry).

``addresses`` is the arithmetic and ``entries`` what should be and what differs, both pure;
``device`` brings the kernel in line; ``connection`` does so whenever there is a reason to.
"""
