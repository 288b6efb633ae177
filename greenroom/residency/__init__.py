"""Decides where each model's weights should be: plain functions and data.

Nothing here imports asyncio, a clock, logging or Triton. Time is an argument, work to do
is a returned value, so every order of events can be tried in a test.
"""
