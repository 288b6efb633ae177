"""Proves on a running service that a model comes, leaves and comes back as it should."""
