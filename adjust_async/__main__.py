"""Run the command line: `python -m adjust_async` is the same as `adjust-async`."""

from adjust_async.cli import main

if __name__ == "__main__":
    main()
