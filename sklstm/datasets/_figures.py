"""Published series, shipped with the package as CSV files."""

from importlib.resources import files

import pandas as pd

from sklstm._checks._arguments import check_flag


def _read_table(name: str) -> pd.DataFrame:
    with (files("sklstm.datasets") / "data" / f"{name}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, index_col=0).astype("float64")


def _read(name: str) -> pd.Series:
    return _read_table(name).iloc[:, 0].rename(name)


def load_milk() -> pd.Series:
    """Load the monthly milk production of a cow, January 1962 to December 1975.

    The series grows, levels off, and has a strong yearly season.

    Returns
    -------
    milk : pandas.Series of shape (168,)
        Milk production, in pounds per cow and month, as float64. The index holds the first day
        of each month, is named ``"month"`` and has the frequency ``"MS"``.

    See Also
    --------
    load_shampoo : A short series on which few models beat persistence.
    sklstm.series_to_supervised : Turn a series into the rows that an estimator learns from.

    References
    ----------
    .. [1] Cryer, J. D. (1986). *Time Series Analysis*. Duxbury Press.

    Examples
    --------
    >>> from sklstm.datasets import load_milk
    >>> milk = load_milk()
    >>> milk.shape
    (168,)
    >>> milk.loc["1962-01":"1962-03"].tolist()
    [589.0, 561.0, 640.0]
    >>> milk.index[-1].strftime("%B %Y")
    'December 1975'
    """
    milk = _read("milk")
    return milk.set_axis(pd.DatetimeIndex(milk.index, freq="MS"))


def load_shampoo() -> pd.Series:
    """Load the monthly sales of a shampoo over three years.

    The series is short, grows faster and faster, and has much noise.

    Returns
    -------
    shampoo : pandas.Series of shape (36,)
        Sales per month, as float64; the source names no unit. The index is a monthly
        `pandas.PeriodIndex` named ``"month"``. The source does not give the calendar years, so the
        index counts them: 1, 2 and 3.

    See Also
    --------
    load_milk : A longer series with a strong season.
    sklstm.series_to_supervised : Turn a series into the rows that an estimator learns from.

    References
    ----------
    .. [1] Makridakis, S., Wheelwright, S. C. and Hyndman, R. J. (1998).
       *Forecasting: Methods and Applications*, 3rd edition. Wiley.

    Examples
    --------
    >>> from sklstm.datasets import load_shampoo
    >>> shampoo = load_shampoo()
    >>> shampoo.shape
    (36,)
    >>> shampoo.head(3).tolist()
    [266.0, 145.9, 183.1]
    >>> last = shampoo.index[-1]
    >>> last.year, last.month
    (3, 12)
    """
    shampoo = _read("shampoo")
    year_of_four_digits = shampoo.index.str.zfill(len("0001-01"))
    return shampoo.set_axis(pd.PeriodIndex(year_of_four_digits, freq="M"))


def load_noisy_trend() -> pd.Series:
    """Load an artificial series: a trend, a wave and two kinds of noise.

    Value n is ``n/10 + 4 sin(n/10)``, plus a whole number drawn from -1 to 6, plus a standard
    normal number.

    Returns
    -------
    noisy_trend : pandas.Series of shape (400,)
        The values, without a unit, as float64. The index counts the steps from 1 to 400 and is
        named ``"n"``.

    See Also
    --------
    make_lagged_linear : A series without noise.

    References
    ----------
    .. [1] The figures were drawn with R: ``set.seed(123)`` under
       ``RNGkind(sample.kind = "Rounding")``, then
       ``n/10 + 4*sin(n/10) + sample(-1:6, 400, replace = TRUE) + rnorm(400)``.

    Examples
    --------
    >>> from sklstm.datasets import load_noisy_trend
    >>> noisy_trend = load_noisy_trend()
    >>> noisy_trend.shape
    (400,)
    >>> print(noisy_trend.head(3).round(3).to_string())
    n
    1    3.698
    2    7.307
    3    3.217
    """
    noisy_trend = _read("noisy_trend")
    return noisy_trend.set_axis(pd.RangeIndex(1, len(noisy_trend) + 1, name="n"))


def load_us_unemployment(*, wide: bool = False) -> pd.Series | pd.DataFrame:
    """Load how many people were unemployed in the United States, by industry and month.

    These are 14 series of 122 months, January 2000 to February 2010: industries of the last job,
    the government and the self-employed. They are not seasonally adjusted, of very different size,
    and rise steeply in the last recession. People who look for their first job are in none of them.

    Parameters
    ----------
    wide : bool, default=False
        True returns a table with a column for each series. False returns the rows of all series, as
        the estimators take them.

    Returns
    -------
    unemployment : pandas.Series of shape (1708,) or pandas.DataFrame of shape (122, 14)
        Thousands of people, as float64. The Series is named ``"unemployed"``; its index has two
        levels: ``"month"``, the first day of each month, and ``"industry"``. The DataFrame has the
        months as its index, with the frequency ``"MS"``, and the industries as its columns.

    Raises
    ------
    TypeError
        If `wide` is not a bool.

    See Also
    --------
    load_milk : One series.

    Notes
    -----
    The figures are a work of the U.S. government, so they are in the public domain. They were taken
    from version 3.2.1 of the npm package ``vega-datasets``. BLS.gov cannot vouch for the data or
    analyses derived from these data after the data have been retrieved from BLS.gov.

    References
    ----------
    .. [1] U.S. Bureau of Labor Statistics, Current Population Survey, Table A-31: Unemployed
       persons by industry, class of worker, and sex.

    Examples
    --------
    >>> from sklstm.datasets import load_us_unemployment
    >>> unemployed = load_us_unemployment()
    >>> print(unemployed.head(2).to_string())
    month       industry
    2000-01-01  Agriculture          154.0
                Business services    655.0
    >>> unemployed.groupby("month").sum().idxmax().strftime("%B %Y")
    'January 2010'
    >>> load_us_unemployment(wide=True).shape
    (122, 14)
    """
    check_flag(wide, "wide")
    table = _read_table("us_unemployment").rename_axis(columns="industry")
    table = table.set_axis(pd.DatetimeIndex(table.index, freq="MS"))
    if wide:
        return table
    index = pd.MultiIndex.from_product([table.index, table.columns])
    return pd.Series(table.to_numpy().ravel(), index, name="unemployed")
