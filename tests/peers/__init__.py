"""Other published clients, pointed at the emulator: `nox -s peers` installs them and runs these tests."""
