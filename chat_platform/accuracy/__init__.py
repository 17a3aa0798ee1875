"""Manual accuracy of the phone robot: a sample to annotate, labels and transcripts back in, figures with intervals.

`sample` draws, `files` reads what people filled in, `store` keeps it, `words` counts word errors, `figures` computes
(voice spec, section 2, rows robot, STT and TTS accuracy). Text of customers is in no table of it.
"""
