"""All that a monitor knows, made small: a pickle whose arrays are stored by their differences from row to row.

Only the bytes; what is kept and for how long is the keeper's business.
"""

from __future__ import annotations

import io
import pickle
import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]
Packed = tuple[str, Shape, str, int, bytes]
LEAST = 16  # elements: a smaller array is pickled as it is
NOTHING = -(2**31)  # stands for NaN
ORDERS = 3  # differences are taken 0, 1 or 2 times
ENOUGH = 256  # steps of a column that tell which number of times is best


def freeze(known: object) -> bytes:
    """Anything picklable as bytes. Arrays of numbers come back equal to the last bit, NaN as NaN."""
    out = io.BytesIO()
    _Packer(out, pickle.HIGHEST_PROTOCOL).dump(known)
    return zlib.compress(out.getvalue(), 6)


def thaw(frozen: bytes) -> object:
    """What `freeze` was given. It is code: only thaw what this process froze."""
    return pickle.loads(zlib.decompress(frozen))  # noqa: S301  # our own, from memory or the pool


class _Packer(pickle.Pickler):
    def reducer_override(self, obj: object) -> tuple[Callable[..., object], Packed]:
        if type(obj) is np.ndarray and obj.size >= LEAST and obj.dtype.kind in "iuf":
            return unpack, pack(obj)
        return NotImplemented  # type: ignore[no-any-return]  # pickle's word for: as usual


def pack(values: npt.NDArray[np.number]) -> Packed:
    """dtype, shape, dtype of the whole numbers, order of the differences ("" and 0: not whole), and the bytes.

    Columns one after the other, each as its differences along the first axis, the sign in the lowest bit; then all
    lowest bytes, all second ones and so on.
    """
    dtype, shape = values.dtype.str, values.shape
    whole = _whole(values)
    if whole is None:
        return dtype, shape, "", 0, _planes(np.ascontiguousarray(values))
    columns = np.ascontiguousarray(whole.reshape(shape[0], -1).T)
    order, least = 0, np.inf
    steps = columns
    for tried in range(ORDERS):
        weight = float(np.log2(1.0 + np.abs(steps[:, :ENOUGH].astype(np.float64))).sum())
        if weight < least:
            order, least, best = tried, weight, steps
        steps = np.diff(steps, axis=1, prepend=np.zeros((len(steps), 1), dtype=steps.dtype))  # wraps, and back again
    bits = 8 * best.dtype.itemsize - 1
    return dtype, shape, whole.dtype.str, order, _planes((best << 1) ^ (best >> bits))


def unpack(dtype: str, shape: Shape, whole: str, order: int, data: bytes) -> npt.NDArray[np.number]:
    """What `pack` was given."""
    kind = np.dtype(whole or dtype)
    planes = np.frombuffer(data, dtype=np.uint8).reshape(kind.itemsize, -1)
    stored = np.ascontiguousarray(planes.T).view(kind).ravel()
    if not whole:
        return stored.reshape(shape).copy()
    unsigned = stored.view(kind.str.replace("i", "u"))
    steps = ((unsigned >> 1).view(kind) ^ -(stored & 1)).reshape(-1, shape[0])
    for _ in range(order):
        steps = np.cumsum(steps, axis=1, dtype=kind)
    values = np.ascontiguousarray(steps.T).reshape(shape)
    if np.dtype(dtype).kind != "f":
        return values.astype(dtype)
    return np.where(values == NOTHING, np.nan, values).astype(dtype)


def _whole(values: npt.NDArray[np.number]) -> npt.NDArray[np.signedinteger] | None:
    """The same numbers in the narrowest signed type; None where they are not whole or too large."""
    if values.dtype.kind == "f":
        real = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
        if not (np.abs(real) < -NOTHING).all() or (real != np.rint(real)).any():
            return None
        if (np.signbit(values) & (values == 0)).any():
            return None  # no whole number is -0
        values = np.where(np.isnan(values), NOTHING, real).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    for kind in ("<i1", "<i2", "<i4", "<i8"):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind)
    return None


def _planes(values: npt.NDArray[np.number]) -> bytes:
    return np.ascontiguousarray(values.reshape(-1, 1).view(np.uint8).T).tobytes()
