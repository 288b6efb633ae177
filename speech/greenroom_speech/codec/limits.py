"""What a file may be, and what reading it may cost."""

HIGHEST_RATE = 48_000
"""Samples a second of what is handed over; what has more is brought down to it."""
WINDOW_SECONDS = 30
"""The longest piece that is handed over at once."""
MOST_CHANNELS = 64
MOST_FILE_RATE = 768_000
"""Samples a second: the highest that recorders write."""
MEMORY_BYTES = 48 * 2**20
"""What the process of one file may take beyond what it began with and the size of the file."""
CPU_SECONDS = 20
"""Processor time for one window: a thousand times what common formats need."""
BEGIN_SECONDS = 10.0
"""After which a codec process that has not forked for a file stands still."""
ANSWER_SECONDS = 120.0
"""After which a decoder that is silent hangs: processor time is bounded by its own limit."""
MOST_FILES = 32
"""Files that may be open at one time, most of them between two windows."""
MOST_ENCODERS = 256
"""Files that may be written at one time, most of them between two pieces."""
