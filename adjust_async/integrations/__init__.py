"""The SDK in other people's frameworks, each in a module of its own that imports the framework."""
