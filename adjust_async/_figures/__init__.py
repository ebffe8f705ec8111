"""Code shared by the KPI Service and the Report Service: encoding, windows, and one request for each app."""
