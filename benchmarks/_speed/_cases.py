"""The cases of the benchmark: what is compared, and the ratio to reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from _speed import _opponents, _ours
from _speed._measure import Measured, alternate, contender


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    work, against : str
    ours, theirs : str
        Figures with their units.
    ratio : float
        How many times better ours is; for a limit, the figure itself.
    bar : float or None
        The ratio to reach; None where the line only informs.
    most : bool
        True if `ratio` must not be larger than `bar`, instead of smaller.
    unit : str
        Of `ratio`.
    """

    work: str
    ours: str
    against: str
    theirs: str
    ratio: float
    bar: float | None = None
    most: bool = False
    unit: str = "×"

    @property
    def reached(self) -> bool:
        """Whether the bar is reached."""
        if self.bar is None:
            return True
        return self.ratio <= self.bar if self.most else self.ratio >= self.bar


@dataclass(frozen=True)
class Options:
    """How thoroughly to measure; `quick` only shows that everything runs."""

    rounds: int
    quick: bool

    def size(self, full: int, quick: int) -> int:
        """Return the size of some work."""
        return quick if self.quick else full


CASES: dict[str, Callable[[Options], list[Row]]] = {}


def case(function):
    """Add a case to the table."""
    CASES[function.__name__] = function
    return function


@case
def stateful_recipe(options: Options) -> list[Row]:
    """3,000 epochs over 23 rows, LSTM(4), one row per update, against the hand-written Keras loop.

    Each in a new process, so that tracing and compiling count. The recipe calls `fit` and resets
    the state once per epoch; `train_on_batch` row by row is shown as well.
    """
    epochs, timed = options.size(3000, 30), options.size(80, 5)
    loop = {"epochs": epochs, "timed": timed, "fresh": True}
    measured = alternate(
        [
            contender("ours", _ours.stateful_recipe, epochs=epochs, fresh=True),
            *_keras_choices(_opponents.keras_stateful_loop, **loop),
            contender("by row", _opponents.keras_stateful_loop, jit=False, by_batch=True, **loop),
        ],
        options.rounds,
    )
    ours, by_row = measured.pop("ours"), measured.pop("by row")
    work = f"stateful recipe, {epochs:,} epochs × 23 rows, compile included"
    extrapolated = f"{timed} epochs extrapolated"
    return [
        _faster(work, ours, *_best(measured, f"Keras loop, {extrapolated}"), bar=200),
        _faster(work, ours, f"Keras loop with train_on_batch, {extrapolated}", by_row),
    ]


@case
def stateful_early_stopping(options: Options) -> list[Row]:
    """Stop early in that recipe: on both sides something looks at every epoch."""
    epochs, timed = options.size(3000, 30), options.size(80, 5)
    loop = {"epochs": epochs, "timed": timed, "stop_early": True, "fresh": True}
    measured = alternate(
        [
            contender("ours", _ours.stateful_recipe, epochs=epochs, stop_early=True, fresh=True),
            *_keras_choices(_opponents.keras_stateful_loop, **loop),
        ],
        options.rounds,
    )
    ours = measured.pop("ours")
    against = f"Keras loop, {timed} epochs extrapolated"
    return [_faster("the same with early stopping", ours, *_best(measured, against), bar=80)]


@case
def walk_forward(options: Options) -> list[Row]:
    """One-step forecasts of 1,000 known rows, against Keras' `predict` once per row; both warm."""
    rows, timed = 1000, options.size(100, 5)
    measured = alternate(
        [
            contender("ours", _ours.walk_forward, rows=rows, times=options.size(50, 2)),
            contender("keras", _opponents.keras_walk_forward, rows=rows, timed=timed),
        ],
        options.rounds,
    )
    against = f"Keras predict once per row, {timed} rows extrapolated"
    return [
        _faster(
            f"walk-forward over {rows:,} known rows",
            measured["ours"],
            against,
            measured["keras"],
            bar=5000,
        )
    ]


@case
def grid_search(options: Options) -> list[Row]:
    """Grid search of 3 windows × 3 units × 3 folds, 10 epochs, against plain SciKeras.

    Each in a new process, so that tracing counts; ours has one job throughout.
    """
    size = {
        "epochs": options.size(10, 1),
        "windows": [6, 12, 24][: options.size(3, 1)],
        "units": [8, 16, 32][: options.size(3, 1)],
        "folds": options.size(3, 2),
        "fresh": True,
    }
    measured = alternate(
        [
            contender("ours", _ours.grid, **size),
            contender("1", _opponents.scikeras_grid, n_jobs=1, **size),
            contender("2", _opponents.scikeras_grid, n_jobs=2, **size),
        ],
        options.rounds,
    )
    work = "grid search: 3 windows × 3 units × 3 folds, 10 epochs"
    return [
        _faster(work, measured["ours"], "SciKeras, n_jobs=1", measured["1"], bar=12),
        _faster(work, measured["ours"], "SciKeras, n_jobs=2", measured["2"], bar=7),
    ]


@case
def search_side_by_side(options: Options) -> list[Row]:
    """Grid search of 8 learning rates × 3 folds, side by side against jobs, all traced before."""
    size = {"candidates": options.size(8, 2), "folds": options.size(3, 2)}
    size |= {"rows": 150, "window": 12, "units": 16, "batch": 16}
    size["epochs"] = options.size(100, 1)
    measured = alternate(
        [
            contender(name, _ours.search, n_jobs=n_jobs, **size)
            for name, n_jobs in (("ours", None), ("1", 1), ("2", 2))
        ],
        options.rounds,
    )
    work = "side_by_side: 8 learning rates × 3 folds, 150 rows, LSTM(16)"
    return [
        _faster(work, measured["ours"], f"the same search, n_jobs={n}", measured[n])
        for n in ("1", "2")
    ]


@case
def small_fits(options: Options) -> list[Row]:
    """Small stateless fits against Keras' `fit`, all traced and compiled before.

    Compiling by XLA does not count here, so both sides may choose it. Keras does not by itself, for
    an LSTM on a CPU; both sides as they come are shown as well.
    """
    rows = []
    for size, epochs, bar in (
        ({"rows": 144, "window": 12, "units": 4, "batch": 1}, 20, 7),
        ({"rows": 1000, "window": 24, "units": 32, "batch": 32}, 10, 5),
    ):
        size["epochs"] = options.size(epochs, 1)
        measured = alternate(
            [
                *(contender(name, _ours.fit, engine=name, **size) for name in ("auto", "xla")),
                *_keras_choices(_opponents.keras_fit, **size),
            ],
            options.rounds,
        )
        ours = {name: measured.pop(name) for name in ("auto", "xla")}
        engine, best = _best(ours, "best engine")
        rows += [
            _faster(f"{_named(size)}, {engine}", best, *_best(measured, "Keras fit"), bar=bar),
            _faster(
                f"{_named(size)}, as it comes",
                ours["auto"],
                "Keras fit, as it comes",
                measured["jit_compile=False"],
            ),
        ]
    return rows


@case
def several_networks(options: Options) -> list[Row]:
    """Eight networks side by side against one fit of each, all traced before."""
    size = {"rows": 150, "window": 12, "units": 16, "batch": 16}
    size["epochs"] = options.size(50, 2)
    measured = alternate(
        [
            contender(name, _ours.several, networks=8, at_once=name == "at once", **size)
            for name in ("at once", "one by one")
        ],
        options.rounds,
    )
    against = "one fit after the other"
    work = f"{_named(size)}, n_networks=8"
    return [_faster(work, measured["at once"], against, measured["one by one"], bar=2.5)]


@case
def first_fit(options: Options) -> list[Row]:
    """Fit and predict for the first time in a process that has imported TensorFlow."""
    size = {"rows": 150, "window": 12, "units": 16}
    measured = alternate([contender("ours", _ours.first_fit, fresh=True, **size)], options.rounds)
    took = measured["ours"].seconds
    work = "first fit and predict of a process, 150 rows × window 12, LSTM(16), 100 epochs"
    return [Row(work, seconds(took), "a limit", "", took, 0.7, True, " s")]


@case
def folded(options: Options) -> list[Row]:
    """Train on windows of 168 rows as 7 steps of 24 columns, against 168 steps of one."""
    size = {"rows": options.size(10_000, 300), "window": 168, "units": 64, "batch": 256}
    size["epochs"] = 1
    measured = alternate(
        [contender(str(fold), _ours.fold, fold=fold, **size) for fold in (24, 1)], options.rounds
    )
    against = "the same with 168 steps of one column"
    work = f"{_named(size)}, 7 steps of 24 columns"
    return [_faster(work, measured["24"], against, measured["1"])]


@case
def peak(options: Options) -> list[Row]:
    """Training of LSTM(300), window 100, batch 450: its share of the machine's sgemm peak.

    Counted are the matrix products alone: rows × window × 2 × 4 units × (units + features)
    operations forward, and twice that backward, for the gradients of weights and of inputs. The
    peak is that of NumPy's BLAS, all cores, at its best of five.
    """
    units, window, n = 300, options.size(100, 4), 1800
    size = {"rows": n, "window": window, "units": units, "batch": 450, "epochs": 1}
    measured = alternate(
        [
            contender("ours", _ours.fit, **size),
            contender("sgemm", _opponents.sgemm, size=options.size(3000, 500)),
        ],
        options.rounds,
    )
    operations = 3 * n * window * 2 * 4 * units * (units + 1)
    ours, most = operations / measured["ours"].seconds, 1 / measured["sgemm"].seconds
    return [
        Row(
            f"LSTM({units}), window {window}, batch 450",
            f"{ours / 1e9:.0f} GFLOP/s",
            "sgemm peak of the machine",
            f"{most / 1e9:.0f} GFLOP/s",
            ours / most,
            0.6,
        )
    ]


@case
def long_series(options: Options) -> list[Row]:
    """200 steps over 2 million windows of 100 steps × 2 columns: time, and memory beyond the data.

    Against Keras' `fit` over windows written out as one array. Both are traced before, in a process
    that holds the series.
    """
    size = {
        "rows": options.size(2_000_000, 20_000),
        "window": 100,
        "units": 4,
        "batch": 32,
        "steps": options.size(200, 10),
        "fresh": True,
    }
    measured = alternate(
        [
            contender("ours", _ours.long_series, **size),
            contender("keras", _opponents.keras_materialised, **size),
        ],
        options.rounds,
    )
    ours, theirs = measured["ours"], measured["keras"]
    work = f"{size['rows']:,} rows × window 100 × 2 columns, {size['steps']} steps"
    against = "windows written out + Keras fit"
    return [
        _faster(work, ours, against, theirs, bar=6),
        _extra("extra memory of that", ours, against, theirs),
    ]


@case
def long_series_whole_epoch(options: Options) -> list[Row]:
    """Memory beyond the data of a whole epoch over 2 million windows, every row learnt from."""
    size = {"rows": options.size(2_000_000, 20_000), "window": 100, "batch": 10_000, "fresh": True}
    measured = alternate([contender("ours", _ours.whole_epoch, **size)], 1)
    work = f"extra memory of a whole epoch over {size['rows']:,} rows"
    written_out = size["rows"] * 100 * 2 * 4 / 2**20
    return [_extra(work, measured["ours"], "windows written out alone", Measured(0, written_out))]


@case
def many_fits(options: Options) -> list[Row]:
    """Memory that 500 fits of 10 architectures add after the first 20 fits."""
    import soak

    count = options.size(500, 30)
    measured = alternate([contender("ours", soak.fits, count=count, fresh=True)], 1)
    mib = measured["ours"].seconds
    work = f"memory over {count} fits of 10 architectures"
    return [Row(work, f"{mib:+.0f} MB", "after the first 20", "", mib, 20, True, " MB")]


@case
def one_row_predict(options: Options) -> list[Row]:
    """Prediction of a single row, checks included, against Keras' `predict`; both warm."""
    size = {"window": 12, "units": 32}
    measured = alternate(
        [
            contender("ours", _ours.predict_one, times=options.size(300, 5), **size),
            contender("keras", _opponents.keras_predict_few, times=options.size(50, 3), **size),
        ],
        options.rounds,
    )
    return [
        _faster("predict of one row", measured["ours"], "Keras predict", measured["keras"], bar=40)
    ]


def _keras_choices(prepare, *, fresh=False, **arguments):
    """Return a Keras contender without and with XLA: the better one is compared with."""
    return [
        contender("jit_compile=False", prepare, fresh=fresh, jit=False, **arguments),
        contender("jit_compile=True", prepare, fresh=fresh, jit=True, **arguments),
    ]


def _best(measured: dict[str, Measured], what: str) -> tuple[str, Measured]:
    """Return the fastest of several settings, with its name."""
    name = min(measured, key=lambda name: measured[name].seconds)
    return f"{what}, {name}", measured[name]


def _named(size: dict) -> str:
    epochs = size["epochs"]
    return (
        f"{size['rows']:,} rows × window {size['window']}, LSTM({size['units']}), "
        f"batch {size['batch']}, {epochs} epoch{'s' if epochs > 1 else ''}"
    )


def _faster(work: str, ours: Measured, against: str, theirs: Measured, bar=None) -> Row:
    ratio = theirs.seconds / ours.seconds
    return Row(work, seconds(ours.seconds), against, seconds(theirs.seconds), ratio, bar)


def _extra(work: str, ours: Measured, against: str, theirs: Measured) -> Row:
    figures = f"{ours.mib:.0f} MB", against, f"{theirs.mib:,.0f} MB"
    return Row(work, *figures, ours.mib, 100, True, " MB")


def seconds(value: float) -> str:
    """Write a time with three figures in a fitting unit."""
    unit, size = next((pair for pair in (("s", 1), ("ms", 1e-3)) if value >= pair[1]), ("µs", 1e-6))
    return f"{value / size:,.0f} {unit}" if value >= 100 * size else f"{value / size:.3g} {unit}"
