"""The released checkpoints: which files there are, fetching them, and saying what a folder has.

Nothing in a checkpoint is executed: no pickled objects, no remote code, and of the repositories'
files only those that an engine reads are fetched.
"""
