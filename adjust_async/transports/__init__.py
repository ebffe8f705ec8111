"""Transports for any httpx client: pooled connections."""
