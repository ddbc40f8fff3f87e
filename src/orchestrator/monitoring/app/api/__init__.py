"""The app over HTTP: a module a resource, one table of all endpoints.

``table`` is what an endpoint is, ``endpoints`` lists them all; from it come the routes and the
OpenAPI document, so that neither can say what the other does not.
"""
