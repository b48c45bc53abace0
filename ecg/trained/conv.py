"""One-dimensional convolution in numpy: all that a small trained net needs, as one matrix product a layer.

float32 throughout. Nothing here knows what a net is for, nor where its weights lie.
"""

from __future__ import annotations

import numpy as np

from ecg.record import F32


def conv1d(x: F32, weight: F32, bias: F32, *, stride: int = 1, dilation: int = 1) -> F32:
    """Correlate along the last axis, zeros beyond the ends.

    x       (channels, rows, time); rows (beats, leads, strips) do not see each other.
    weight  (out, channels, taps), taps odd. bias (out,).
    Returns (out, rows, ceil(time / stride)); output t is centred on input t * stride.
    """
    outputs, channels, taps = weight.shape
    reach = dilation * (taps - 1) // 2
    _, rows, time = x.shape
    if taps == 1 and stride == 1:
        columns = x.reshape(channels, -1)
        length = time
    else:
        padded = np.zeros((channels, rows, time + 2 * reach), dtype=np.float32)
        padded[:, :, reach : reach + time] = x
        views = [padded[:, :, tap * dilation : tap * dilation + time : stride] for tap in range(taps)]
        length = views[0].shape[2]
        columns = np.stack(views, axis=1).reshape(channels * taps, -1)
    out = weight.reshape(outputs, -1) @ columns
    out += bias[:, None]
    return out.reshape(outputs, rows, length)


def relu(x: F32) -> F32:
    """Negative values to zero, in place."""
    return np.maximum(x, 0.0, out=x)
