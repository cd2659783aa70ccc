"""Generators of data name the argument that they refuse, and show the value."""

import bad_values as bad
import pytest

from sklstm.datasets import (
    load_us_unemployment,
    make_hourly_load,
    make_lagged_linear,
    make_sawtooth_pair,
)


@pytest.mark.parametrize(
    ("make", "argument", "value"),
    [
        *[(make_sawtooth_pair, "n_cycles", value) for value in bad.COUNTS],
        *[(make_hourly_load, "n_days", value) for value in bad.COUNTS],
        *[(make_lagged_linear, "n_rows", value) for value in bad.COUNTS],
        *[(load_us_unemployment, "wide", value) for value in bad.FLAGS],
        *[(make_sawtooth_pair, "random_state", v) for v in (-1, 1.5, "seed", [], 2**32)],
    ],
)
def test_a_bad_argument_is_refused(make, argument, value):
    """Each bad value is refused where all other arguments have their defaults."""
    bad.argument_refused(make, {}, argument, value)
