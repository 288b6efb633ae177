"""Answers: parse, lease, forward, stream back; holds requests while a model comes back."""
