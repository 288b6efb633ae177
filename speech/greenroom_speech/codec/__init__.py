"""Audio files to sound and back, in processes of their own that may die.

::

    gateway --- control (one) ---> codec process --- fork ---> one process per file
       |                                                          |
       +---------- file and windows, or pieces and bytes ---------+

`process` is the gateway's side, `decoder` and `encoder` what it asks. The codec process
(``python -m greenroom_speech.codec``) has everything imported and never looks at a file; each file
that is read or written gets a process that is forked from it, limited in memory and processor
time, and gone with its file. A file that crashes what reads it is a file that cannot be read, and
nobody else notices.
"""
