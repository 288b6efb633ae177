"""Speech recognition by Whisper on CTranslate2, by the package faster-whisper."""
