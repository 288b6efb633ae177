"""Host memory for weights, and checkpoints read into it, before torch is there."""
