"""Networks that are trained side by side, against the same networks trained alone."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras_oracles import windows
from states import assert_same, differ

from sklstm._past._windows import Windows
from sklstm.engine import _train
from sklstm.engine._spec import NetworkSpec, Request, Rows, TrainingSpec

NETWORK = NetworkSpec(
    units=(4, 3), dense_units=(3,), dense_activation=("relu",), n_features=2, n_outputs=2
)
X, Y = windows(37, 5, 2, n_outputs=2)
ROWS = Rows(X, np.arange(30), Y)
HELD_OUT = Rows(X, np.arange(30, 37), Y)
#: Does not change a number of the training, but is left to the Keras model.
BY_KERAS = ("mae",)


def requests(n=3, network=NETWORK, data=ROWS, validation=None, **training):
    """Return what networks of several seeds and learning rates are trained from."""
    spec = TrainingSpec(**({"epochs": 3, "batch_size": 8} | training))
    return [
        Request(
            network=replace(network, dropout=network.dropout * (i > 0)),
            training=replace(spec, learning_rate=0.01 * (i + 1), patience=i + 1),
            data=data,
            validation=validation,
            seed=i,
        )
        for i in range(n)
    ]


def assert_equal(networks, others):
    """Assert that networks have learnt the same, bit by bit."""
    for one, other in zip(networks, others, strict=True):
        assert_same(one.weights, other.weights)
        assert_same(one.optimizer_state, other.optimizer_state)
        assert one.history == other.history
        assert one.learning_rate == other.learning_rate


CASES = {
    "plain": {},
    "dropout": {"network": replace(NETWORK, dropout=0.4)},
    "both directions": {"network": replace(NETWORK, bidirectional=True, dropout=0.4)},
    "short windows": {"network": replace(NETWORK, short_windows="mask")},
    **{
        f"halves, {engine}": {
            "network": replace(NETWORK, units=(64, 32), dropout=0.4),
            "batch_size": 30,
            "engine": engine,
        }
        for engine in ("block", "matmul")
    },
    "cosine": {"learning_rate_schedule": "cosine", "optimizer": "sgd"},
    "plateau": {"learning_rate_schedule": "plateau", "epochs": 9, "validation": HELD_OUT},
    "some batches": {"steps_per_epoch": 5, "shuffle": False},
    "epochs that differ": {
        "early_stopping": True,
        "epochs": 30,
        "validation": HELD_OUT,
        "optimizer": keras.optimizers.SGD(momentum=0.9, weight_decay=0.1, clipnorm=0.5),
    },
}
#: Those that have to do with most of what is kept for each network.
EVERYDAY = ("dropout", "epochs that differ")
each_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=() if name in EVERYDAY else pytest.mark.slow)
        for name, case in CASES.items()
    ],
)


@each_case
def test_networks_learn_together_what_they_learn_alone(case):
    """Seeds, rates, dropout and patience are those of each; weights and losses are equal."""
    asked = requests(**case)
    together = _train.train_together(asked)
    alone = [_train.train_together([one])[0] for one in asked]
    assert_equal(together, alone)
    assert differ(together[0].weights, together[1].weights)
    # They go on from there, too.
    asked = [replace(one, start=start) for one, start in zip(asked, together, strict=True)]
    assert_equal(_train.train_together(asked), [_train.train_together([one])[0] for one in asked])


@pytest.mark.parametrize("first", [0, *(pytest.param(i, marks=pytest.mark.slow) for i in (1, 2))])
def test_a_network_that_stops_leaves_the_others_their_steps(first):
    """Whichever of them is the first: the others take all batches of each later epoch."""
    asked = requests(**CASES["epochs that differ"])
    asked = asked[first:] + asked[:first]
    alone = [_train.train_together([one])[0] for one in asked]
    assert_equal(_train.train_together(asked), alone)


def test_networks_stop_at_epochs_of_their_own():
    """The case above has networks that stop early, at different epochs."""
    trained = _train.train_together(requests(**CASES["epochs that differ"]))
    assert len({len(one.history["loss"]) for one in trained}) > 1


def test_each_request_gets_its_own_network_back():
    """Networks that cannot be trained side by side are trained as well, and none is mixed up."""
    small = NetworkSpec(units=(2,), n_features=2, n_outputs=2)
    weighted = replace(ROWS, sample_weight=np.arange(37.0))
    asked = [
        *requests(9, small),
        *requests(2, small, metrics=BY_KERAS),
        *requests(2, small, data=weighted),
        *requests(2, small, shuffle=False),
        *requests(1, small, learning_rate_schedule="plateau", epochs=3),
        *requests(1, replace(small, stateful=True)),
    ]
    asked = asked[::2] + asked[1::2]
    assert_equal(_train.train_together(asked), [_train.train_together([one])[0] for one in asked])


def test_rows_of_a_file_are_read_for_all(tmp_path):
    """Networks that learn from a file learn what those of the same rows in memory learn."""
    series = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    path = tmp_path / "series.npy"
    np.save(path, series)
    y = series[:, :1] + series[:, 1:]
    starts = np.arange(190)
    in_memory, in_file = (
        Rows(Windows(of, starts, 5), np.arange(190), y)
        for of in (series, np.load(path, mmap_mode="r"))
    )
    network = NetworkSpec(units=(3,), n_features=2)
    ours = _train.train_together(requests(network=network, data=in_file))
    assert_equal(ours, _train.train_together(requests(network=network, data=in_memory)))


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        *(
            pytest.param(of, marks=pytest.mark.slow)
            for of in (
                *("sgd", "adagrad", "adadelta", "adamax", "nadam", "lion"),
                keras.optimizers.Adam(amsgrad=True, clipvalue=0.1),
                keras.optimizers.SGD(momentum=0.9, nesterov=True, weight_decay=0.1),
                keras.optimizers.RMSprop(momentum=0.9, centered=True, clipnorm=0.1),
            )
        ),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_training_goes_on_between_a_keras_model_and_none(optimizer):
    """Weights, dropout and what the optimizer has learnt are the same with a Keras model."""
    network, ends = replace(NETWORK, dropout=0.4, bidirectional=True), []
    for first, second in (((), BY_KERAS), (BY_KERAS, ())):
        [one] = requests(1, network, optimizer=optimizer, metrics=first)
        one = replace(one, network=network)
        start = _train.train_together([one])[0]
        training = replace(one.training, metrics=second)
        end = _train.train_together([replace(one, training=training, start=start)])[0]
        ends.append([*end.weights, *end.optimizer_state])
    # RMSprop divides by the spread of the gradients, so rounding grows: on an AMD EPYC to 4e-5.
    for ours, by_keras in zip(*ends, strict=True):
        np.testing.assert_allclose(ours, by_keras, rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_not_finite_is_an_error_for_all():
    """A network that diverges ends the run, and the next run is as ever."""
    asked = requests()
    expected = _train.train_together(asked)
    wrong = replace(asked[1], training=replace(asked[1].training, learning_rate=np.nan))
    with pytest.raises(ValueError, match=r"network 2 of 3 became nan in epoch \d"):
        _train.train_together([asked[0], wrong, asked[2]])
    assert_equal(_train.train_together(asked), expected)


def test_each_result_is_a_network_or_an_error():
    """A network that fails takes no other with it."""
    asked = requests()
    expected = _train.train_together(asked)
    wrong = replace(asked[1], training=replace(asked[1].training, learning_rate=np.nan))
    unknown = replace(asked[1], training=replace(asked[1].training, loss="nothing"))
    first, diverged, refused, last = _train.results([asked[0], wrong, unknown, asked[2]])
    assert_equal([first, last], [expected[0], expected[2]])
    assert "nan in epoch" in str(diverged)
    assert "loss='nothing'" in str(refused)
