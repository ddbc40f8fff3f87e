"""The Container Network Interface: the runtime's side of its specification, 1.0.0 and before.

``config`` reads network configurations, ``requests`` makes of one what a plug-in is given,
``results`` reads what it answers, ``plugins`` finds and runs it, ``chain`` runs all of a network.
All but the last two are pure.

Source: SPEC.md and CONVENTIONS.md of containernetworking/cni.
"""
