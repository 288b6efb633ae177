"""The engines: what computes, importable and testable without Triton.

``managed_model`` is the layer between Triton and any engine; ``embedded`` holds the
engines that need no weights, no GPU and no network.
"""
