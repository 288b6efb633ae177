"""What knows Triton: its process, its messages, its configs and its protocols."""
