"""Moving a live ZooKeeper ensemble: two ensembles kept equal while both are written."""
