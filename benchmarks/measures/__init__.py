"""One benchmark per module: ``measure(*, small: bool)`` gives its rows; ``small`` only shows that it runs."""
