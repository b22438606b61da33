"""Show metrics as text, notebook output and an HTML page."""
