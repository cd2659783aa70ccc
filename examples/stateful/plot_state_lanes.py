"""
State: how it runs on from row to row
=====================================

How `sklstm.StatefulLSTMRegressor` trains 22 rows with ``batch_size=3``, ``bptt_steps=4`` and
``reset_states="epoch"``. :doc:`/user_guide/concepts/stateful` says when to use it.
"""

# %%
# Rows, stretches, updates
# ------------------------
# The rows are cut into three stretches. Each weight update uses the next four rows of each stretch.
# The state is zero at the start of a stretch and runs on along it, from update to update. The last
# stretch may be shorter, and so may the last update.

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, Rectangle

N_ROWS, BATCH_SIZE, BPTT_STEPS = 22, 3, 4
COLOURS = [
    "#56B4E9",
    "#E69F00",
    "#009E73",
]  # colour-blind readers can tell these apart
length = -(-N_ROWS // BATCH_SIZE)
pieces = range(0, length, BPTT_STEPS)

fig, (above, below) = plt.subplots(
    2, 1, figsize=(9, 5.4), height_ratios=(1, 2.5), layout="constrained"
)


def cell(ax, x, y, row, colour):
    """Draw one row of the series."""
    ax.add_patch(
        Rectangle(
            (x + 0.06, y),
            0.88,
            0.8,
            facecolor=colour,
            edgecolor="k",
            lw=0.6,
        )
    )
    ax.text(
        x + 0.5, y + 0.4, str(row), ha="center", va="center", fontsize=9
    )


def arrow(ax, start, stop):
    """Draw a state that is passed on."""
    ax.add_patch(
        FancyArrowPatch(
            start,
            stop,
            arrowstyle="-|>",
            mutation_scale=11,
            color="k",
            lw=1.2,
        )
    )


for row in range(N_ROWS):
    cell(above, row, 0, row, COLOURS[row // length])
above.set_title(
    "the series: one row per time step, oldest first",
    loc="left",
    fontsize=10,
)
above.set(xlim=(-0.3, N_ROWS + 0.3), ylim=(-0.3, 1.1))

gap, left = 1.6, 2.4
for lane in range(BATCH_SIZE):
    y = 1.35 * (BATCH_SIZE - 1 - lane)
    below.text(
        left - 0.75, y + 0.4, "zero", ha="right", va="center", fontsize=9
    )
    arrow(below, (left - 0.7, y + 0.4), (left, y + 0.4))
    for step, first in enumerate(pieces):
        x = left + step * (BPTT_STEPS + gap)
        rows = range(
            lane * length + first,
            min(lane * length + first + BPTT_STEPS, N_ROWS),
        )
        rows = [row for row in rows if row < (lane + 1) * length]
        for place, row in enumerate(rows):
            cell(below, x + place, y, row, COLOURS[lane])
        if first + BPTT_STEPS < length:
            end = x + len(rows)
            arrow(below, (end, y + 0.4), (end + gap, y + 0.4))
            below.text(
                end + gap / 2, y + 0.55, "state", ha="center", fontsize=9
            )
top = 1.35 * BATCH_SIZE - 0.25
for step, _ in enumerate(pieces):
    x = left + step * (BPTT_STEPS + gap)
    below.add_patch(
        Rectangle(
            (x - 0.12, -0.25),
            BPTT_STEPS + 0.24,
            top + 0.25,
            fill=False,
            ls="--",
            lw=1,
        )
    )
    below.text(
        x + BPTT_STEPS / 2,
        top + 0.12,
        f"weight update {step + 1}",
        ha="center",
        fontsize=9,
    )
end = left + len(pieces) * (BPTT_STEPS + gap)
below.text(
    end - 0.6,
    top / 2,
    "The gradient flows back inside a box,\nthe state runs on between them.\n\n"
    "Next epoch: all three stretches\nstart from zero again.",
    va="center",
    fontsize=9,
)
below.set_title(
    f"one epoch: batch_size={BATCH_SIZE}, bptt_steps={BPTT_STEPS}",
    loc="left",
    fontsize=10,
)
below.set(xlim=(0.3, end + 7.5), ylim=(-0.5, top + 0.7))
for ax in (above, below):
    ax.set_axis_off()
plt.show()
