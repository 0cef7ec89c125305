"""The condition number of the columns: how near they come to being linearly dependent."""

from math import inf, isfinite, sqrt

import numpy as np

from service.solver.correlation import Inverted


def condition_number(inverted: Inverted) -> float:
    """The largest singular value of the columns over the smallest, right to 1e-13 or so however large it is.

    Of columns scaled to unit length, about their means where an intercept is fitted, so that neither units nor offsets
    count: 1 for columns that are uncorrelated, infinite beyond a double. The smallest eigenvalue of the correlation matrix
    comes as one over the largest of its inverse, for the largest ones lose no digits; for two columns it is 1 - |r|.
    """
    p = inverted.equation.n_features
    if p < 2:
        return 1.0
    if p == 2:
        own, other = inverted.inverse_correlation[0]
        # (1 + |r|) / (1 - |r|) is (1 + |r|)^2 / (1 - r^2).
        return (1 + abs(other) / own) * sqrt(own) if isfinite(own) else inf
    if not isfinite(max(inverted.inflation)):  # no entry of the inverse is larger than the largest of its diagonal
        return inf
    largest, over_smallest = np.linalg.eigvalsh([inverted.correlation, inverted.inverse_correlation])[:, -1].tolist()
    # Not the product of the two, which might overflow.
    return sqrt(largest) * sqrt(over_smallest)
