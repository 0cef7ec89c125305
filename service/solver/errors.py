"""What a fit can refuse, as values: the API's table of problems alone knows their HTTP status."""


class SolverError(Exception):
    """Something about the numbers makes the answer impossible."""
