"""Where every node of a view is drawn, so that browsers only have to draw.

What works together is a group (``grouping``): an app, a namespace, a host, or else a community of
the graph. Groups are discs: forces between them (``forces``) say which should be near which,
``packing`` finds each a free spot near there, and within a disc nodes sit on a sunflower, each in a
seat of its own (``seats``). ``places`` keeps all of this as the graph changes: whoever has a place
keeps it, new nodes take free seats near what they talk to.

At 10,000 nodes this is a few tenths of a second for all, and next to nothing for a change, where a
force-directed layout of every node would take minutes in a browser.
"""

from orchestrator.monitoring.render.layout.places import Layout, Place

__all__ = ["Layout", "Place"]
