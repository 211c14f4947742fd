"""The networks of the course, one paper a file. Real and imaginary channels exist only in here."""
