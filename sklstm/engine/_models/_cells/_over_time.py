"""A loop over time steps in ops that XLA compiles."""

from __future__ import annotations

import tensorflow as tf

# A loop over this many steps or fewer is unrolled: faster to run, and not yet slow to compile.
_UNROLLED_STEPS = 4


def over_time(steps, step, state, widths, batch, reverse=False):
    """Run ``step(t, *state)`` over time and return its results, stacked in order of time."""
    if steps <= _UNROLLED_STEPS:
        results: list = [None] * steps
        for t in reversed(range(steps)) if reverse else range(steps):
            results[t] = step(t, *state)
            state = results[t][:2]
        return [tf.stack(parts) for parts in zip(*results, strict=True)]

    def body(n, h, c, *stacks):
        t = steps - 1 - n if reverse else n
        new = step(t, h, c)
        written = [stack.write(t, value) for stack, value in zip(stacks, new, strict=True)]
        return n + 1, new[0], new[1], *written

    stacks = [tf.TensorArray(tf.float32, steps, element_shape=(batch, width)) for width in widths]
    _, _, _, *stacks = tf.while_loop(
        lambda n, *_: n < steps, body, (tf.constant(0), *state, *stacks), maximum_iterations=steps
    )
    return [stack.stack() for stack in stacks]
