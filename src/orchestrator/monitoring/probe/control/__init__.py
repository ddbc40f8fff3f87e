"""What the app asks for, over a connection that the probe opened (``report.control``).

``channel`` keeps the connection and reads messages, ``desk`` has each request carried out by the
source that knows how, ``streams`` are logs and terminals with the credit of both directions.
"""
