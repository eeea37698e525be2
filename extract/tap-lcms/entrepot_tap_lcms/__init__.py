"""Singer tap for Pix's learning content: what is sent has been read whole, and fits."""
