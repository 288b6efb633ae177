"""Engines without weights: flite and espeak-ng speak, WORLD adapts, PocketSphinx listens."""
