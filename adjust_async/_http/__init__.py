"""Send requests through one httpx client and return the answers. Knows no API and no path."""
