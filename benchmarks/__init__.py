"""What this server does in how much time, on this machine: `make bench`, or `python -m benchmarks intake --json`.

measures/   one module per benchmark; a new module there is a new benchmark
table       what a benchmark answers, and how it is printed
servers     an installation in a folder of its own under gunicorn, as `disclosure serve` starts it
people      the load: persons who fetch the form and send it, in a process of their own
floor       the least that a Flask application can do with the same bytes
longcase    a case with a long history
"""
