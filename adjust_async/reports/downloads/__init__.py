"""Reports as CSV and Parquet, in memory and into files."""
