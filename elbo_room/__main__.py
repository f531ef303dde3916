"""`python -m elbo_room`, and the command `elbo-room`.

Nothing is imported before it is needed: every process that Dask spawns imports this file again, and
must find JAX not yet there.
"""

import sys


def main() -> int:
    """The command line; returns its exit code."""
    if sys.version_info < (3, 12):  # noqa: UP036 (said in one line, before anything fails)
        print(
            f"ELBO room needs Python 3.12 or newer; this is {sys.version.split()[0]}.",
            file=sys.stderr,
        )
        return 1

    from elbo_room.doors import shell

    return shell.main()


if __name__ == "__main__":
    sys.exit(main())
