"""A Keras model together with its training run as one compiled TensorFlow function."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from sklstm.engine._models._held import HeldModel
from sklstm.engine._models._kernels import for_xla, use_fused_kernels
from sklstm.engine._resolve import Resolved
from sklstm.engine._samples import Samples
from sklstm.engine._spec import NetworkSpec

_UNUSED = np.zeros(0, np.float32)
_MOST_ORDERED_ROWS = 2_000_000
_MOST_EPOCHS = 64


class CompiledModel(HeldModel):
    """A held model whose epochs are compiled calls.

    Attributes
    ----------
    names : list of str
        What an epoch's log holds, under Keras' names.
    averages : bool
        Whether the loss of many rows is the mean of theirs, whatever the batches.
    """

    def __init__(self, network: NetworkSpec, resolved: Resolved, fused: bool):
        super().__init__(network, resolved)
        if fused:
            use_fused_kernels(self.model)
        # Keras makes its metrics' variables at the first batch: too late inside a compiled run.
        window = np.zeros((1, network.window or 1, network.n_features), np.float32)
        self.model.test_step((window, np.zeros((1, network.n_outputs), np.float32), None))
        self.names = list(self.model.get_metrics_result())
        reduction = getattr(resolved.loss, "reduction", "mean")
        self.averages = network.network is None and reduction in ("mean", "sum_over_batch_size")
        self._functions: dict = {}

    def can_train(self, weighted: bool) -> bool:
        """Tell whether a training run of this network can be traced as one function."""
        try:
            self._train_function(weighted).get_concrete_function()
        except Exception:
            return False
        return True

    def train(
        self,
        data: DeviceData,
        orders: np.ndarray,
        batch_size: int,
        first: int,
        last: int,
    ) -> np.ndarray:
        """Train from step `first` to before step `last` of one epoch per row of `orders`.

        Returns
        -------
        ndarray of shape (n_epochs, n_names)
            The logs of the epochs. A loss that is not finite ends the run, and the logs are
            shorter.
        """
        logs, done = self._train_function(data.weighted)(
            *data.tensors, orders, len(orders), data.window, batch_size, first, last
        )
        return logs.numpy()[: int(done)]

    def evaluate(self, data: DeviceData, batch_size: int, first: int = 0) -> dict[str, float]:
        """Return the logs of `data` from row `first` on without training.

        Those of the rows before it are part of them, unless it is the very first.
        """
        function = self._function(
            ("test", data.weighted), self._test, _test_signature(self.network)
        )
        logs = function(*data.tensors, data.window, batch_size, first).numpy()
        return dict(zip(self.names, map(float, logs), strict=True))

    def _train_function(self, weighted: bool):
        return self._function(("train", weighted), self._epochs, _signature(self.network))

    def _function(self, key, body, signature):
        """Return `body` as a function that is traced once, whatever the rows and the window."""
        if key not in self._functions:
            weighted = key[1]
            # TensorFlow warns of retracing per code object, which all architectures share; a
            # partial stands for itself.
            self._functions[key] = tf.function(
                functools.partial(body, weighted),
                input_signature=signature,
                autograph=False,
            )
        return self._functions[key]

    def _epochs(
        self,
        weighted,
        series,
        starts,
        y,
        weight,
        orders,
        epochs,
        window,
        batch_size,
        first,
        last,
        static_rest=None,
    ):
        n = tf.shape(orders)[1]

        def train_on(which):
            self.model.train_step(self._batch(weighted, series, starts, y, weight, window, which))

        def epoch(e, logs, finite):
            order = orders[e]

            def full_step(s):
                if static_rest is None:
                    train_on(order[s * batch_size : tf.minimum((s + 1) * batch_size, n)])
                else:
                    train_on(tf.slice(order, [s * batch_size], [batch_size]))
                return s + 1

            tf.cond(first == 0, self._reset_metrics, lambda: 0)
            full = last if static_rest is None else tf.minimum(last, n // batch_size)
            tf.while_loop(lambda s: s < full, full_step, [first], parallel_iterations=1)
            if static_rest:
                tf.cond(last > full, lambda: rest_step(order), lambda: 0)
            log = tf.stack(list(self.model.get_metrics_result().values()))
            return e + 1, logs.write(e, log), tf.math.is_finite(log[0])

        def rest_step(order):
            train_on(order[-static_rest:])
            return 0

        logs = tf.TensorArray(tf.float32, tf.shape(orders)[0], element_shape=(len(self.names),))
        done, logs, _ = tf.while_loop(
            lambda e, _, finite: (e < epochs) & finite,
            epoch,
            (tf.constant(0), logs, tf.constant(True)),
            parallel_iterations=1,
        )
        return logs.stack(), done

    def train_by_xla(self, data: DeviceData, orders, batch_size, first, last) -> np.ndarray:
        """Do what `train` does, compiled by XLA for these numbers of rows."""
        rest = len(data) % batch_size
        key = ("xla", data.weighted, batch_size, rest, data.window)
        if key not in self._functions:

            def body(series, starts, y, weight, orders, epochs, first, last):
                with for_xla():
                    return self._epochs(
                        data_weighted,
                        series,
                        starts,
                        y,
                        weight,
                        orders,
                        epochs,
                        window,
                        batch_size,
                        first,
                        last,
                        static_rest=rest,
                    )

            data_weighted, window = data.weighted, data.window
            self._functions[key] = tf.function(
                functools.partial(body), autograph=False, jit_compile=True
            )
        counts = [tf.constant(count) for count in (len(orders), first, last)]
        # XLA compiles per shape, so fewer epochs are filled up with orders that are never run.
        orders = np.resize(orders, (most_epochs(len(data)), len(data)))
        logs, done = self._functions[key](*data.tensors, orders, *counts)
        return logs.numpy()[: int(done)]

    def _test(self, weighted, series, starts, y, weight, window, batch_size, first):
        n = tf.shape(starts)[0]

        def step(at):
            which = tf.range(at, tf.minimum(at + batch_size, n))
            self.model.test_step(self._batch(weighted, series, starts, y, weight, window, which))
            return at + batch_size

        tf.cond(first == 0, self._reset_metrics, lambda: 0)
        tf.while_loop(lambda at: at < n, step, [first], parallel_iterations=1)
        return tf.stack(list(self.model.get_metrics_result().values()))

    def _batch(self, weighted, series, starts, y, weight, window, which):
        at = tf.gather(starts, which)[:, None] + tf.range(window)
        windows = tf.gather(series, at)
        if self.network.window is not None:
            windows.set_shape((None, self.network.window, self.network.n_features))
        return windows, tf.gather(y, which), tf.gather(weight, which) if weighted else None

    def _reset_metrics(self):
        self.model.reset_metrics()
        return 0


class DeviceData:
    """Samples as tensors, made once per run.

    Attributes
    ----------
    window : int
    weighted : bool
    untaught : bool
        Whether some sample has no target.
    """

    def __init__(self, data: Samples):
        self.window = data.window
        self.weighted = data.sample_weight is not None
        self.untaught = bool(np.isnan(data.y).any())
        weight = data.sample_weight if self.weighted else _UNUSED
        self.tensors = [tf.constant(part) for part in (data.series, data.starts, data.y, weight)]

    def __len__(self) -> int:
        return self.tensors[1].shape[0]

    @functools.cached_property
    def padded(self) -> list[tf.Tensor]:
        """The tensors filled up to a few sizes, because XLA compiles for each size anew."""
        return [tf.constant(padded(tensor.numpy())) for tensor in self.tensors]


def padded(array: np.ndarray) -> np.ndarray:
    """Fill `array` up with zeros along its first axis to a power of two of at least 32 rows."""
    size = 1 << max(5, (len(array) - 1).bit_length())
    filled = np.zeros((size, *array.shape[1:]), array.dtype)
    filled[: len(array)] = array
    return filled


def most_epochs(n_rows: int) -> int:
    """Return how many epochs one call may run: the order of each takes memory."""
    return max(1, min(_MOST_EPOCHS, _MOST_ORDERED_ROWS // n_rows))


def _signature(network: NetworkSpec) -> list[tf.TensorSpec]:
    orders, counts = tf.TensorSpec((None, None), tf.int32), [tf.TensorSpec((), tf.int32)] * 5
    return [*data_signature(network), orders, *counts]


def _test_signature(network: NetworkSpec) -> list[tf.TensorSpec]:
    return [*data_signature(network), *[tf.TensorSpec((), tf.int32)] * 3]


def data_signature(network: NetworkSpec) -> list[tf.TensorSpec]:
    """Return what a `DeviceData` consists of, for any number of rows."""
    return [
        tf.TensorSpec((None, network.n_features), tf.float32),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None, network.n_outputs), tf.float32),
        tf.TensorSpec((None,), tf.float32),
    ]
