"""Groups: the tree of apps and pods, its changes and its versions."""
