"""Audio files to sound, in processes of their own that may die.

::

    gateway --- control (one) ---> decoder process --- fork ---> one process per file
       |                                                             |
       +------------------- file, windows (one socket each) ---------+

`client` is the gateway's side. The decoder process (``python -m greenroom_speech.decoder``) has
everything imported and never looks at a file; each file gets a process that is forked from it,
limited in memory and processor time, and gone with its file. A file that crashes what reads it
is a file that cannot be read, and nobody else notices.
"""
