"""`python -m mricourse ...` is the same as the command `mricourse ...`."""

from mricourse.cli import main

main()
