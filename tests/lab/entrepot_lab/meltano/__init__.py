"""Nights, taps and targets as tests run them."""
