"""Quoth's shell: the command line, and later the chat. The only part that talks to people."""
