"""Quoth on Telegram."""
