"""Rules that more than one guide uses; each exists once."""
