"""The kinds of recurrent cell, one file each. A new cell is a file, and a line below."""

from __future__ import annotations

from sklstm.engine._models._cells._cell import Cell
from sklstm.engine._models._cells._gru import GRU
from sklstm.engine._models._cells._lstm import LSTM

CELLS: dict[str, Cell] = {"lstm": LSTM, "gru": GRU}
