"""``disclosure doctor``: facts gathered from the world and from our own house, each judged apart from the gathering."""
