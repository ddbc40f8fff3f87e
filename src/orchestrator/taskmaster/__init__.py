"""TaskMaster: reads a product requirements document and keeps its tasks."""
