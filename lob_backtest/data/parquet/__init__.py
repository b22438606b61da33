"""The footer of a Parquet file and its checksum, read before Arrow acts on them."""
