"""Learning rates that fall, and gradients that are clipped, against hand-written Keras."""

import keras
import numpy as np
import pytest
from keras_oracles import FirstWeights, RowByRow, assert_close, stateless_keras, windows

from sklstm import LSTMRegressor, StatefulLSTMRegressor
from sklstm.engine._models._pool import stats

WINDOW, N_ROWS, RATE = 4, 36, 0.05
X, Y = windows(N_ROWS, WINDOW)
Y = 5 * Y[:, 0]


def each_engine(first, *others):
    """Return a case for each engine, and the others for the fused one: all but one are slow."""
    return [
        ("block", *first),
        *(pytest.param("block", *other, marks=pytest.mark.slow) for other in others),
        *(pytest.param(name, *first, marks=pytest.mark.slow) for name in ("keras", "layer", "xla")),
    ]


# Keras' own callback warns of NumPy 2.
READS_THE_RATE = pytest.mark.filterwarnings("ignore:__array__ implementation")
CosineDecay = keras.optimizers.schedules.CosineDecay


def regressor(kind=LSTMRegressor, **options):
    """Return a small regressor that trains in the order of the rows."""
    in_order = {"shuffle": False, "batch_size": 8} if kind is LSTMRegressor else {}
    defaults = {
        "units": 3,
        "epochs": 6,
        "normalize": False,
        "learning_rate": RATE,
        "callbacks": [LOOK],
        "random_state": 0,
    }
    return kind(**{**in_order, **defaults, **options})


LOOK = FirstWeights()


def by_hand(optimizer):
    """Return a Keras model that begins with the weights of the last fit."""
    return stateless_keras(LOOK.weights, (3,), WINDOW, optimizer=optimizer)


def assert_same_weights(ours, model):
    """Assert that a regressor and a Keras model have learnt the same."""
    assert_close(ours.model_.get_weights(), model.get_weights())


@pytest.mark.parametrize(("engine", "steps"), each_engine([3], [None]))
def test_cosine_falls_over_all_updates_of_the_run(engine, steps):
    """It is CosineDecay over epochs times batches, whether an epoch takes all rows or some."""
    ours = regressor(
        learning_rate_schedule="cosine", clipnorm=0.5, steps_per_epoch=steps, engine=engine
    ).fit(X, Y)
    n_updates = 6 * (steps or 5)
    model = by_hand(keras.optimizers.Adam(CosineDecay(RATE, n_updates), clipnorm=0.5))
    if steps is None:
        model.fit(X, Y, epochs=6, batch_size=8, shuffle=False, verbose=0)
    else:
        # 18 batches of 8 rows, which take the 36 rows four times.
        for rows in np.resize(np.arange(N_ROWS), (n_updates, 8)):
            model.train_on_batch(X[rows], Y[rows])
    assert_same_weights(ours, model)


@READS_THE_RATE
@pytest.mark.parametrize(("engine", "n_held_out"), each_engine([9], [0]))
def test_plateau_is_reduce_lr_on_plateau(engine, n_held_out):
    """It looks at the rows held out, or at the training loss, and waits half of `patience`."""
    noise, n = np.random.default_rng(2).normal(size=N_ROWS), N_ROWS - n_held_out
    options = {"epochs": 20, "optimizer": "sgd", "learning_rate": 0.3, "patience": 3}
    ours = regressor(
        learning_rate_schedule="plateau",
        validation_fraction=n_held_out / N_ROWS or None,
        engine=engine,
        **options,
    ).fit(X, noise)
    model = by_hand(keras.optimizers.SGD(0.3))
    monitor = "val_loss" if n_held_out else "loss"
    history = model.fit(
        X[:n],
        noise[:n],
        epochs=20,
        batch_size=8,
        shuffle=False,
        validation_data=(X[n:], noise[n:]) if n_held_out else None,
        callbacks=[keras.callbacks.ReduceLROnPlateau(monitor, patience=1)],
        verbose=0,
    ).history
    assert len(set(history["learning_rate"])) > 1
    assert ours.history_["learning_rate"] == history["learning_rate"]
    assert_same_weights(ours, model)


@pytest.mark.parametrize(
    ("engine", "optimizer", "by_keras"),
    each_engine(
        (
            keras.optimizers.SGD(momentum=0.5, weight_decay=0.1, clipnorm=9.0),
            keras.optimizers.SGD(RATE, momentum=0.5, weight_decay=0.1, clipnorm=0.1),
        ),
        ("adamw", keras.optimizers.AdamW(RATE, clipnorm=0.1)),
    ),
)
def test_gradients_are_clipped_and_weights_decay(engine, optimizer, by_keras):
    """A norm goes before that of an instance; weight decay is the optimizer's."""
    ours = regressor(optimizer=optimizer, clipnorm=0.1, engine=engine).fit(X, Y)
    model = by_hand(type(by_keras).from_config(by_keras.get_config()))
    model.fit(X, Y, epochs=6, batch_size=8, shuffle=False, verbose=0)
    assert_same_weights(ours, model)
    assert ours.model_.optimizer.clipnorm == pytest.approx(0.1)


@pytest.mark.parametrize("engine", ["block", pytest.param("xla", marks=pytest.mark.slow)])
def test_a_stateful_run_falls_over_its_updates(engine):
    """12 rows in chunks of 5, for four epochs, are 12 weight updates."""
    rows, target = X[:12, 0], Y[:12]
    options = {"learning_rate_schedule": "cosine", "clipnorm": 0.3, "bptt_steps": 5, "epochs": 4}
    ours = regressor(StatefulLSTMRegressor, engine=engine, **options).fit(rows, target)
    plain = RowByRow(
        LOOK.weights, optimizer=keras.optimizers.Adam(CosineDecay(RATE, 12), clipnorm=0.3)
    )
    plain.train(rows, target, epochs=4, chunk=5)
    assert_close(ours.model_.get_weights(), plain.weights())


@READS_THE_RATE
@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_each_fit_begins_with_the_full_rate_and_partial_fit_keeps_it(schedule):
    """A fit that goes on has a schedule of its own, whatever the rate at the end of the last."""
    ours = regressor(learning_rate_schedule=schedule, epochs=2, patience=0, warm_start=True)
    ours.fit(X, Y)
    model = by_hand(keras.optimizers.Adam(RATE))

    def train(epochs, falls):
        model.optimizer.learning_rate = RATE
        rate = CosineDecay(RATE, 5 * epochs) if schedule == "cosine" and falls else lambda _: RATE
        plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=0)
        plateau.set_model(model)
        plateau.on_train_begin()
        for _ in range(epochs):
            losses = []
            for step, first in enumerate(range(0, N_ROWS, 8), start=len(model.fallen)):
                model.fallen.append(step)
                if schedule == "cosine":
                    model.optimizer.learning_rate = rate(step)
                batch = slice(first, first + 8)
                losses += [model.train_on_batch(X[batch], Y[batch])] * len(X[batch])
            if schedule == "plateau" and falls:
                plateau.on_epoch_end(0, {"loss": np.mean(losses)})
        model.fallen.clear()

    model.fallen = []
    train(2, falls=True)
    assert_same_weights(ours, model)
    ours.set_params(epochs=3).fit(X, Y)
    train(3, falls=True)
    assert_same_weights(ours, model)
    ours.partial_fit(X, Y)
    train(1, falls=False)
    assert_same_weights(ours, model)


def test_another_rate_or_number_of_epochs_is_not_traced_anew():
    """One compiled run serves all rates and lengths of a schedule."""
    ours = regressor(learning_rate_schedule="cosine", units=2).fit(X, Y)
    traced = stats()["traced"]
    ours.set_params(learning_rate=0.01, epochs=9).fit(X[:20], Y[:20])
    assert stats()["traced"] == traced


class SetsTheRate(keras.callbacks.Callback):
    """A callback of the user's that sets the learning rate, in one of Keras' two ways."""

    def __init__(self, assign):
        super().__init__()
        self.assign = assign

    def on_epoch_begin(self, epoch, logs=None):
        """Set it."""
        if self.assign:
            self.model.optimizer.learning_rate.assign(0.1)
        else:
            self.model.optimizer.learning_rate = 0.1


class Inherits(keras.optimizers.Adam):
    """An optimizer whose config may lack what it adds."""


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"optimizer": keras.optimizers.Adam(CosineDecay(0.1, 9))}, "optimizer=.*CosineDecay"),
        (
            {
                "optimizer": keras.optimizers.LossScaleOptimizer(
                    keras.optimizers.SGD(CosineDecay(0.1, 9))
                )
            },
            "optimizer=.*schedule of its own",
        ),
        ({"callbacks": [keras.callbacks.ReduceLROnPlateau()]}, "callbacks=.*ReduceLROnPlateau"),
        ({"callbacks": [keras.callbacks.LearningRateScheduler(float)]}, "callbacks="),
    ],
    ids=["optimizer", "inner optimizer", "plateau", "scheduler"],
)
def test_only_one_thing_decides_the_rate(schedule, other, message):
    """A schedule beside another is an error that names both."""
    with pytest.raises(ValueError, match=f"learning_rate_schedule='{schedule}' beside {message}"):
        regressor(learning_rate_schedule=schedule, **other).fit(X, Y)


@pytest.mark.parametrize("engine", ["block", "keras"])
@pytest.mark.parametrize("assign", [True, False])
def test_a_callback_cannot_overrule_the_cosine(engine, assign):
    """The message says what would do, and doing it works."""
    options = {"callbacks": [SetsTheRate(assign)], "engine": engine, "epochs": 1}
    ours = regressor(learning_rate_schedule="cosine", **options)
    with pytest.raises(ValueError, match=r"callback sets.* Set learning_rate_schedule=None"):
        ours.fit(X, Y)
    ours.set_params(learning_rate_schedule=None).fit(X, Y)


def test_an_optimizer_without_a_config_cannot_follow_the_cosine():
    """It would be the user's own object that has the schedule afterwards."""
    with pytest.raises(ValueError, match=r"optimizer=.*no get_config of its own"):
        regressor(learning_rate_schedule="cosine", optimizer=Inherits()).fit(X, Y)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Adam(clipvalue=0.5),
        keras.optimizers.Adam(global_clipnorm=0.5),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()),
        Inherits(),
    ],
    ids=["clipvalue", "global_clipnorm", "around another", "inherits"],
)
def test_a_norm_that_an_optimizer_does_not_take_is_refused(optimizer):
    """The message names both, and what to do."""
    with pytest.raises(ValueError, match=r"clipnorm=0.1 beside optimizer=.*Set clipnorm=None"):
        regressor(clipnorm=0.1, optimizer=optimizer).fit(X, Y)
