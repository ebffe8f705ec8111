"""CSV and Parquet reports, in memory and in files."""
