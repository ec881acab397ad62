"""Hugging Face models run in this process by torch and transformers (extra `hf`): `hf:FOLDER_OR_ID`.

`loading` finds a folder and reads it, `decoding` draws many continuations at once, `writing` turns tokens into text as they come,
`model` is the backend, and `reading` gives hidden states to verifiers and probes.
"""
