"""The `outlay` command: thin, one file a command."""
