"""From a recording to what Step-Audio-EditX needs to know of it.

The way of a recording::

    mono samples -> peak rule (preprocessing)
       |-> 24 kHz -> speech_features                         -> SPEECH_FEATURES  (50 Hz)
       |-> 16 kHz -> kaldi_fbank -> speaker_embedding        -> SPEAKER_EMBEDDING
       |-> 16 kHz -> energy norm, trim (preprocessing)
              |-> linguistic_front_end -> linguistic_codes   16.67 Hz, 1,024 codes
              |-> log_mel -> semantic_codes                  25 Hz, 4,096 codes
                     interleave                              -> PROMPT_TOKENS

All waves and features are float32 tensors on the CPU; only the two networks that make codes
have their weights on the device.
"""
