"""Measurements: quality against known answers, and speed as ratios in one run. Not part of the product."""
