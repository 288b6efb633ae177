"""The web page: an ordinary client of the gateway, in a process of its own."""
