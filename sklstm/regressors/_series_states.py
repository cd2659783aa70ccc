"""The state of each series after the last row that was seen of it, and how rows move it on."""

import numpy as np

from sklstm._past._order import label_at
from sklstm._past._series_names import names_as_index
from sklstm.engine._spec import STATES


class SeriesStates:
    """The state of each series after its last row seen, and where that row stands.

    Parameters
    ----------
    names : list of ndarray of shape (n_series,) or None
        The names of the series, an array for each level; None where one series has no name.
    ends : ndarray of shape (n_series,)
        Number of the row right after the last row seen of each series; NaN where it is not known.
    arrays : list of ndarray of shape (n_series, units)
        The states of each recurrent layer.
    """

    def __init__(self, names, ends, arrays):
        self.names = names
        self.ends = ends
        self.arrays = arrays

    def slots(self, names):
        """Find series among those that have a state.

        Parameters
        ----------
        names : list of ndarray of shape (n_series,) or None
            Their names.

        Returns
        -------
        ndarray of int of shape (n_series,)
            Their positions; -1 where a series has no state.
        """
        if names is None:
            return np.zeros(1, dtype=np.int64)
        if self.names is None:
            return np.full(len(names[0]), -1)
        return names_as_index(self.names).get_indexer(names_as_index(names))

    def including(self, names):
        """Return these states, and those of more series, which are zero.

        Parameters
        ----------
        names : list of ndarray of shape (n_series,) or None
            The names of the series; those that have a state keep it.

        Returns
        -------
        SeriesStates
        """
        new = self.slots(names) < 0
        if not new.any():
            return self
        if self.names is None:
            raise ValueError(
                f"X names its series, such as {label_at(names_as_index(names), 0)!r}, but the state"
                " is that of one series without a name. Fit on rows whose index names the series,"
                " too."
            )
        n_new = int(np.count_nonzero(new))
        both = zip(self.names, names, strict=True)
        return SeriesStates(
            [np.concatenate([mine, more[new]]) for mine, more in both],
            np.append(self.ends, np.full(n_new, np.nan)),
            [np.pad(array, [(0, n_new), (0, 0)]) for array in self.arrays],
        )

    def replaced(self, slots, ends, arrays):
        """Return these states with others for some series.

        Parameters
        ----------
        slots : ndarray of int of shape (n_some,)
            The positions of those series.
        ends : ndarray of shape (n_some,)
            Where their rows end; NaN keeps what is known so far.
        arrays : list of ndarray of shape (n_some, units)
            Their states.

        Returns
        -------
        SeriesStates
        """
        new = SeriesStates(self.names, self.ends.copy(), [array.copy() for array in self.arrays])
        new.ends[slots] = np.where(np.isnan(ends), new.ends[slots], ends)
        for array, some in zip(new.arrays, arrays, strict=True):
            array[slots] = some
        return new


def zero_states(network, n, n_networks):
    """Return the states of each layer of each network before anything is known.

    Parameters
    ----------
    network : NetworkSpec
        What all networks are like.
    n, n_networks : int
        Numbers of series and of networks.

    Returns
    -------
    list of ndarray of shape (n, units)
    """
    return [state for _ in range(n_networks) for state in network.zero_states(n)]


def by_network(network, states):
    """Return a list for each network, which holds the states of its layers.

    Parameters
    ----------
    network : NetworkSpec
        What all networks are like.
    states : list of ndarray
        The states of the layers of one network after the other.

    Returns
    -------
    list of list of ndarray
    """
    n_states = STATES[network.cell] * len(network.units)
    return [states[i : i + n_states] for i in range(0, len(states), n_states)]


def run_over(regressor, windows, n_unknown, stretches, states, some=None):
    """Run the networks over stretches, or `some` of them, each from its state.

    A row whose window is not wholly known has outputs of zero and leaves a state of zero.

    Parameters
    ----------
    regressor : StatefulLSTMRegressor
        As fitted.
    windows : Windows of shape (n_rows, window, n_features)
        The rows of a table.
    n_unknown : ndarray of int of shape (n_rows,)
        How many of the oldest steps of each window are not known.
    stretches : Stretches
        The unbroken parts of the table.
    states : list of ndarray of shape (n_stretches, units)
        Those before each stretch, of the layers of one network after the other.
    some : ndarray of bool of shape (n_stretches,), default=None
        Which stretches to run over; None for all.

    Returns
    -------
    outputs : ndarray of shape (n_networks, n_rows, n_outputs)
        In the order of the table.
    states : list of ndarray of shape (n_stretches, units)
        Those after each stretch.
    """
    from sklstm.engine import _predict

    # 1. The runs of known rows, of which a stretch may have several.
    layout = stretches.layout
    known = layout.by_series(n_unknown == 0)
    # Numbers of many rows are short ones: they take most of the memory here.
    of_place = np.repeat(np.arange(len(stretches), dtype=np.int32), stretches.lengths)
    begins = known & ~np.append(False, known[:-1])
    begins[stretches.starts] = known[stretches.starts]
    places = np.flatnonzero(known if some is None else known & some[of_place])
    first = np.flatnonzero(begins[places])
    outputs = np.zeros((len(regressor._trained), len(windows), regressor.n_outputs_))
    after = [np.zeros_like(state) for state in states]
    if not len(places):
        return outputs, after

    # 2. Run, each from the state of its stretch where it begins with that.
    run = np.cumsum(begins[places], dtype=np.int32) - np.int32(1)
    stretch = of_place[places[first]]
    at_start = places[first] == stretches.starts[stretch]
    rows = layout.row(places)
    ordered, of_runs = windows[rows], []
    before = [np.where(at_start[:, None], state[stretch], 0) for state in states]
    # What callbacks look at has as many networks as are trained so far.
    networks = zip(regressor._trained, by_network(regressor._network, before), strict=False)
    for i, (one, of_layers) in enumerate(networks):
        outputs[i, rows], now = _predict.predict_stateful(
            regressor._network,
            regressor._training,
            one.weights,
            ordered,
            of_layers,
            run,
            regressor._input_scale,
        )
        of_runs += now

    # 3. The state after a stretch is that of a run which ends with it.
    last = places[np.append(first[1:], len(places)) - 1]
    at_stop = last + 1 == stretches.stops[stretch]
    for state, of_run in zip(after, of_runs, strict=False):
        state[stretch[at_stop]] = of_run[at_stop]
    return outputs, after
