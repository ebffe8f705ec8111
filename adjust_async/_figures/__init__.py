"""What the KPI Service and the Report Service share: encoding, windows, one request an app."""
