"""CSV and Parquet reports, in memory and into files."""
