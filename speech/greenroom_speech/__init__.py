"""Voice cloning, speech editing and transcription: the speech plug-in of Greenroom."""
