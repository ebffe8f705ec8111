"""The emulator's own API and page under `/_emulator/`, for tests and people in other processes."""
