"""How the reader that comes with Quoth was made; nothing here is needed to run it."""
