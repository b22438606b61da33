"""Write, read and check canonical Parquet files."""
