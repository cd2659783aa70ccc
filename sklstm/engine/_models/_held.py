"""A compiled Keras model that runs borrow one after the other."""

from __future__ import annotations

from sklstm.engine._check_names import copied
from sklstm.engine._models._build import build, seed_dropout
from sklstm.engine._resolve import Resolved
from sklstm.engine._spec import NetworkSpec, Trained


class HeldModel:
    """A compiled Keras model, of any backend, for one run at a time.

    A run sets weights, optimizer state and seeds first and takes weights and optimizer state out
    last, so that nothing passes from one run to the next.

    Attributes
    ----------
    model : keras.Model
        Alive: its weights are the current ones whenever no compiled call is under way.
    """

    def __init__(self, network: NetworkSpec, resolved: Resolved):
        self.network = network
        self.model = build(network)
        self.model.compile(
            optimizer=copied(resolved.optimizer, resolved.learning_rate),
            loss=resolved.loss,
            metrics=[copied(metric) for metric in resolved.metrics],
            jit_compile=False,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self._optimizer_start = self._optimizer_state()
        self._trainable = self._flags()

    def set(self, weights, optimizer_state, learning_rate: float | None, seed: int) -> None:
        """Make the model ready for one run."""
        self.model.stop_training = False
        if self._flags() != self._trainable:
            # A callback froze a layer in an earlier run, for which Keras' own step was traced.
            for layer, trainable in zip(self.model.layers, self._trainable, strict=True):
                layer.trainable = trainable
            self.model.train_function = None
        self.model.set_weights(weights)
        optimizer = self.model.optimizer
        state = optimizer_state or self._optimizer_start
        for variable, value in zip(optimizer.variables, state, strict=True):
            variable.assign(value)
        if learning_rate is not None:
            optimizer.learning_rate = learning_rate
        seed_dropout(self.model, seed)

    def take(self, history: dict[str, list[float]]) -> Trained:
        """Take out what the run has learnt."""
        return Trained(self.model.get_weights(), self._optimizer_state(), history)

    def _flags(self):
        return [layer.trainable for layer in self.model.layers]

    def _optimizer_state(self):
        return [v.numpy() for v in self.model.optimizer.variables]
