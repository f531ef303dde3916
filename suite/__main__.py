"""`python -m suite`. Empty but for that: every process that Dask spawns imports it again."""

if __name__ == "__main__":
    import sys

    from suite.command_line import main

    sys.exit(main())
