"""How good predictions were: back-tests, scores and intervals."""
