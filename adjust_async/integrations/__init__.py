"""Integrations with other frameworks. Each module imports the framework that it is for."""
