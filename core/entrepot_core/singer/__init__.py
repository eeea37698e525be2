"""What our Singer taps and our target share."""
