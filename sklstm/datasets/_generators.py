"""Series made by a rule, for which the right answer is known."""

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from sklstm._checks._arguments import BOOLS, check_count

_CYCLE = [*range(1, 10), *range(10, 1, -1)]
_DELAY = 9  # rows
_DROPPED = 10  # rows at the head, one more than have no value of b
_WEIGHTS = (1.0, 0.5, 0.2, 0.1)  # of the newest integer and the three before it
_WINDOW = 5  # integers that the first target looks back on, itself included


def make_sawtooth_pair(
    n_cycles: int = 1000, *, random_state: int | np.random.RandomState | None = None
) -> pd.DataFrame:
    """Make a saw-tooth and the same saw-tooth nine rows later.

    Column ``a`` climbs from 1 to 10 and falls back to 2, over and over; column ``b`` repeats
    what ``a`` was nine rows ago. The first ten rows are dropped and one random factor
    multiplies everything, so that only its scale tells one draw from another.

    Parameters
    ----------
    n_cycles : int, default=1000
        How many cycles of 18 rows to make, at least 1.
    random_state : int, RandomState instance or None, default=None
        Draws the factor, above 0 and up to 1. Pass an int for the same factor on every call.

    Returns
    -------
    pair : pandas.DataFrame of shape (18 * n_cycles - 10, 2)
        Columns ``"a"`` and ``"b"``, without a unit, as float64. The index counts rows from 0.

    Raises
    ------
    TypeError
        If `n_cycles` is not an int.
    ValueError
        If `n_cycles` is less than 1, or nothing can be drawn with `random_state`.

    See Also
    --------
    make_lagged_linear : A target that is a weighted sum of the past.

    Examples
    --------
    >>> from sklstm.datasets import make_sawtooth_pair
    >>> pair = make_sawtooth_pair(random_state=0)
    >>> pair.shape
    (17990, 2)
    >>> bool((pair["b"].iloc[9:].to_numpy() == pair["a"].iloc[:-9].to_numpy()).all())
    True
    """
    n_cycles = check_count(n_cycles, "n_cycles")
    if isinstance(random_state, BOOLS):
        raise ValueError(f"random_state={random_state!r} is not valid: expected no bool.")
    if random_state is None:
        # NumPy's global generator is everyone's: it is not drawn from.
        random_state = np.random.RandomState()
    # 1 - [0, 1) leaves out the factor 0, which would wipe the series out.
    try:
        draws = check_random_state(random_state)
    except ValueError as error:
        raise ValueError(f"random_state={random_state!r} is not valid: {error}") from None
    factor = 1.0 - draws.random_sample()
    flow = factor * np.tile(np.array(_CYCLE, dtype="float64"), n_cycles)
    return pd.DataFrame({"a": flow[_DROPPED:], "b": flow[_DROPPED - _DELAY : -_DELAY]})


def make_lagged_linear(n_rows: int = 100) -> tuple[pd.DataFrame, pd.Series]:
    """Make a target that is a weighted sum of the last four integers.

    Row i holds the integer i, counted from 0, and ``y = i + 0.5 (i-1) + 0.2 (i-2) + 0.1 (i-3)``.
    The target is NaN in the first four rows, whose past does not fill a window of five rows;
    regressors skip them in `fit`.

    Parameters
    ----------
    n_rows : int, default=100
        How many rows have a target, at least 1.

    Returns
    -------
    X : pandas.DataFrame of shape (n_rows + 4, 1)
        The integers, as float64, in column ``"x"``. The index counts rows from 0.
    y : pandas.Series of shape (n_rows + 4,)
        The target, as float64, with the index of `X`; its first four values are NaN.

    Raises
    ------
    TypeError
        If `n_rows` is not an int.
    ValueError
        If `n_rows` is less than 1.

    See Also
    --------
    make_sawtooth_pair : Two series, one following the other.

    Examples
    --------
    >>> from sklstm.datasets import make_lagged_linear
    >>> X, y = make_lagged_linear()
    >>> X.shape, y.shape
    ((104, 1), (104,))
    >>> int(y.notna().sum())
    100
    >>> print(y.iloc[3:6].round(1).to_string())
    3    NaN
    4    6.0
    5    7.8
    """
    n_rows = check_count(n_rows, "n_rows")
    i = np.arange(n_rows + _WINDOW - 1, dtype="float64")
    y = sum(weight * (i - lag) for lag, weight in enumerate(_WEIGHTS))
    y = np.where(i >= _WINDOW - 1, y, np.nan)
    return pd.DataFrame({"x": i}), pd.Series(y, name="y")
