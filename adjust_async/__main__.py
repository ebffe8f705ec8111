"""`python -m adjust_async` is `adjust-async`."""

from adjust_async.cli import main

if __name__ == "__main__":
    main()
