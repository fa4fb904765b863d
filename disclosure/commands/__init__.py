"""Groups of the ``disclosure`` command, a module each; cli.py puts them together."""
