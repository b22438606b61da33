"""What the market did: canonical files, their reader and checks, vendor formats, the synthetic market."""
