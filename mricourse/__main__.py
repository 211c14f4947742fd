"""`python -m mricourse ...` is the same as the command `mricourse ...`."""

from mricourse.commands.app import main

main()
