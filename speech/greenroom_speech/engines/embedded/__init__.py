"""Engines without weights: flite and espeak-ng speak, WORLD adapts, PocketSphinx listens."""

import warnings

# pyworld 0.3.5 imports it to learn its own version; the warning would stand in every model's log.
warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning, "pyworld")
