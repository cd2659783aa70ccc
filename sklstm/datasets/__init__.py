"""Series to learn and to test with: shipped figures and generators."""

from sklstm.datasets._figures import load_milk, load_noisy_trend, load_shampoo, load_us_unemployment
from sklstm.datasets._generators import make_hourly_load, make_lagged_linear, make_sawtooth_pair

__all__ = [
    "load_milk",
    "load_noisy_trend",
    "load_shampoo",
    "load_us_unemployment",
    "make_hourly_load",
    "make_lagged_linear",
    "make_sawtooth_pair",
]
