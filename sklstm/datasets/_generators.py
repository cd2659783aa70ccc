"""Series that a rule makes, so that the right prediction is known."""

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from sklstm._checks._arguments import check_count, naming


def make_sawtooth_pair(
    n_cycles: int = 1000, *, random_state: int | np.random.RandomState | None = None
) -> pd.DataFrame:
    """Make a saw-tooth and the same saw-tooth nine rows later.

    Column ``a`` climbs from 1 to 10 and falls back to 2, again and again. Column ``b`` holds what
    ``a`` held nine rows earlier. The first ten rows are dropped. All values are multiplied by one
    random factor, so two draws differ in their scale only.

    Parameters
    ----------
    n_cycles : int, default=1000
        Number of cycles of 18 rows, at least 1.
    random_state : int, RandomState instance or None, default=None
        Draws the factor, above 0 and up to 1. An int gives the same factor on every call.

    Returns
    -------
    pair : pandas.DataFrame of shape (18 * n_cycles - 10, 2)
        Columns ``"a"`` and ``"b"``, without a unit, as float64. The index counts rows from 0.

    Raises
    ------
    TypeError
        If `n_cycles` is not an int.
    ValueError
        If `n_cycles` is less than 1, or `random_state` is not valid.

    See Also
    --------
    make_lagged_linear : A target that is a weighted sum of earlier rows.

    Examples
    --------
    >>> from sklstm.datasets import make_sawtooth_pair
    >>> pair = make_sawtooth_pair(random_state=0)
    >>> pair.shape
    (17990, 2)
    >>> a, b = pair["a"].to_numpy(), pair["b"].to_numpy()
    >>> bool((b[9:] == a[:-9]).all())
    True
    """
    n_cycles = check_count(n_cycles, "n_cycles")
    # NumPy's global generator is shared by the whole process, so it is not drawn from.
    draws = np.random.RandomState() if random_state is None else random_state
    with naming("random_state", random_state):
        # From (0, 1]: a factor of 0 would make all values 0.
        factor = 1.0 - check_random_state(draws).random_sample()
    flow = factor * np.tile([*range(1, 10), *range(10, 1, -1)], n_cycles)
    return pd.DataFrame({"a": flow[10:], "b": flow[1:-9]})


def make_hourly_load(
    n_days: int = 84, *, random_state: int | np.random.RandomState | None = None
) -> pd.Series:
    """Make the hourly load of a small town, with a day, a week and noise that lasts for hours.

    Each day has a peak in the morning and a higher one in the evening. At weekends the load is a
    sixth lower, and the morning peak is missing. A disturbance is added that loses a twentieth of
    its size each hour, and a slow one that loses a hundredth: no model can know their next steps.

    Parameters
    ----------
    n_days : int, default=84
        Number of days, at least 1. The first is Monday, 1 January 2024.
    random_state : int, RandomState instance or None, default=None
        Draws the disturbances. An int gives the same load on every call.

    Returns
    -------
    load : pandas.Series of shape (24 * n_days,)
        Load in megawatts, as float64, named ``"load"``. The index holds the beginning of each hour,
        is named ``"hour"`` and has the frequency ``"h"``.

    Raises
    ------
    TypeError
        If `n_days` is not an int.
    ValueError
        If `n_days` is less than 1, or `random_state` is not valid.

    See Also
    --------
    load_milk : A measured series.

    Examples
    --------
    >>> from sklstm.datasets import make_hourly_load
    >>> load = make_hourly_load(random_state=0)
    >>> load.shape
    (2016,)
    >>> load.groupby(load.index.hour).mean().round()[[3, 8, 18]].to_dict()
    {3: 69.0, 8: 101.0, 18: 134.0}
    """
    n_days = check_count(n_days, "n_days")
    draws = np.random.RandomState() if random_state is None else random_state
    with naming("random_state", random_state):
        draws = check_random_state(draws)
    index = pd.date_range("2024-01-01", periods=24 * n_days, freq="h", name="hour")
    hour, works = index.hour.to_numpy(), index.day_of_week.to_numpy() < 5
    load = 100 - 25 * np.cos(2 * np.pi * (hour - 3) / 24)
    load += 30 * np.exp(-(((hour - 19) / 2.5) ** 2)) + 20 * works * np.exp(-(((hour - 8) / 2) ** 2))
    load *= np.where(works, 1.0, 5 / 6)
    for memory, size in ((0.95, 2.0), (0.99, 0.5)):
        shocks = size * draws.standard_normal(len(index))
        disturbance = 0.0
        for i, shock in enumerate(shocks):
            disturbance = memory * disturbance + shock
            load[i] += disturbance
    return pd.Series(load, index, name="load")


def make_lagged_linear(n_rows: int = 100) -> tuple[pd.DataFrame, pd.Series]:
    """Make a target that is a weighted sum of the last four integers.

    Row i holds the integer i, counted from 0, and ``y = i + 0.5 (i-1) + 0.2 (i-2) + 0.1 (i-3)``.
    The target is NaN in the first four rows, which have too few rows before them for a window of
    five; regressors skip them in `fit`.

    Parameters
    ----------
    n_rows : int, default=100
        Number of rows with a target, at least 1.

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
    make_sawtooth_pair : Two series, the second nine rows behind the first.

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
    i = pd.Series(np.arange(n_rows + 4, dtype="float64"), name="x")
    y = i + 0.5 * (i - 1) + 0.2 * (i - 2) + 0.1 * (i - 3)
    return i.to_frame(), y.where(i >= 4).rename("y")
