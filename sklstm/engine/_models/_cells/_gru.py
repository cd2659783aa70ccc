"""The GRU: Keras' own layer."""

from __future__ import annotations

import keras

from sklstm.engine._models._cells._cell import Cell

GRU = Cell(keras.layers.GRU)
