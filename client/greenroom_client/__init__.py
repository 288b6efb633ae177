"""Client for a Greenroom speech server."""
