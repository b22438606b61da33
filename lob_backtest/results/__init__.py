"""Write, digest, save and read result tables."""
