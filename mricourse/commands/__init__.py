"""The `mricourse` command, a module for each group of commands; they parse and call."""
