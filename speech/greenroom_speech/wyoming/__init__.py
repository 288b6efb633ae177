"""Wyoming, the protocol by which Home Assistant and its satellites listen and speak."""
