"""Train the published three-layer network once, at its full size, and print its errors and seconds.

LSTM(300), LSTM(500) and LSTM(200) with dropout between them take windows of 100 rows of five
columns and predict three columns of the next row. The example `plot_sequences_of_vectors.py` runs
the same model with a tenth of the units. This takes long: many minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from sklstm import (
    LagWindower,
    LSTMRegressor,
    SeriesMinMaxScaler,
    TransformedSeriesRegressor,
    series_to_supervised,
)
from sklstm.datasets import make_sawtooth_pair


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cycles", type=int, default=1000, help="of 18 rows (default: 1000)")
    parser.add_argument("--epochs", type=int, default=10, help="epochs (default: 10)")
    arguments = parser.parse_args()

    pair = make_sawtooth_pair(n_cycles=arguments.cycles, random_state=0)
    five = pd.concat(
        [pair, pair.shift(3).add_suffix("_3"), pair[["a"]].shift(6).add_suffix("_6")], axis=1
    )
    X, y = series_to_supervised(five[6:], target=["a", "b", "a_3"])
    n_train = int(0.9 * len(X))
    network = LSTMRegressor(
        network=three_layers,
        optimizer="rmsprop",
        epochs=arguments.epochs,
        batch_size=450,
        validation_fraction=0.05,
        normalize=False,
        random_state=0,
        verbose=2,
    )
    model = TransformedSeriesRegressor(
        make_pipeline(SeriesMinMaxScaler((-1, 1)), LagWindower(100), network),
        transformer=SeriesMinMaxScaler((-1, 1)),
        transform_lags=False,  # two of the five columns are no lags of a target
    )
    begin = time.perf_counter()
    model.fit(X[:n_train], y[:n_train])
    trained = time.perf_counter()
    actual = y[n_train:]
    errors = model.predict(X[n_train:]) - actual
    predicted = time.perf_counter()
    share = np.sqrt((errors**2).mean()) / (y.max() - y.min())
    fitted = model.regressor_[-1]
    print(f"{len(X)} rows, {n_train} to train on; {fitted.model_.count_params():,} parameters")
    print(
        f"{arguments.epochs} epochs: {trained - begin:.0f} s; prediction of {len(actual)} rows: "
        f"{predicted - trained:.0f} s"
    )
    for name, losses in fitted.history_.items():
        print(f"{name:<10}", *(f"{loss:.5f}" for loss in losses))
    print("RMSE on the held-out rows, as a share of the column's range:")
    print(share.map("{:.2%}".format).to_string())


def three_layers(input_shape, n_outputs):
    """Build the published network, with dropout between its layers."""
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.LSTM(300, return_sequences=True),
            layers.Dropout(0.2),
            layers.LSTM(500, return_sequences=True),
            layers.Dropout(0.2),
            layers.LSTM(200),
            layers.Dense(n_outputs),
        ]
    )


if __name__ == "__main__":
    main()
