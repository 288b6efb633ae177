"""The OpenAI-style endpoints under /v1: speech, edits, transcriptions and saved voices.

They are a client of the models like any other: every request takes its lease first.
"""
