"""Quoth's retrieval core: synchronous, silent, and ignorant of chat."""
