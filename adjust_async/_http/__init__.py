"""From a request to an answer, on one httpx client; knows no API and no path of one."""
