"""The production engines of tokenizer and tts: Step-Audio-EditX from its released checkpoints."""
