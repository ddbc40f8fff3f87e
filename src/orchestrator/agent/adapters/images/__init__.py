"""Images of containers: found, downloaded once, verified, unpacked once, ready to be mounted.

``reference`` reads names, ``documents`` manifests and configurations (both pure), ``credentials``
says who may pull, ``registry`` speaks to registries, ``local`` reads images that lie on this
machine, ``unpack`` turns a layer into a directory, and ``store`` holds it all together.
"""
