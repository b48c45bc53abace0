"""Boosted trees in numpy: what `training.trees` exports, run over many rows at once.

Only the walk through the trees; features are their owners' business. All comparisons are of float32 with float32, so
that the same row gives the same leaf on every machine; leaves are whole numbers (thousandths of a logit), so that their
sum does not depend on its order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ecg.record import F32
from ecg.trained import Weights, load

I32 = npt.NDArray[np.int32]
I16 = npt.NDArray[np.int16]
Place = npt.NDArray[np.intp]

MILLI = 1000.0
BLOCK = 256  # rows walked together


@dataclass(frozen=True)
class Trees:
    """Perfect binary trees of one depth d: node i's children are 2i+1 and 2i+2.

    feature    (trees, 2^d - 1) int16; threshold (same) float32: right when the value is above it, NaN goes left.
    leaf       (trees, 2^d) int32, thousandths of a logit. owner (trees,) int16: the class a tree adds to.
    start      (classes,) int32, the logits before any tree.
    """

    feature: I16
    threshold: F32
    leaf: I32
    owner: I16
    start: I32

    @classmethod
    def of(cls, name: str, prefix: str = "") -> Trees:
        """From `NAME.npz`; `prefix` where a file holds several models."""
        return cls.from_weights(load(name), prefix)

    @classmethod
    def from_weights(cls, weights: Weights, prefix: str = "") -> Trees:
        def get(key: str, kind: type[np.generic]) -> npt.NDArray[np.generic]:
            return np.ascontiguousarray(weights[prefix + key], dtype=kind)

        return cls(
            np.asarray(get("feature", np.int16), dtype=np.int16),
            np.asarray(get("threshold", np.float32), dtype=np.float32),
            np.asarray(get("leaf", np.int32), dtype=np.int32),
            np.asarray(get("owner", np.int16), dtype=np.int16),
            np.asarray(get("start", np.int32), dtype=np.int32),
        )

    def logits(self, rows: F32) -> npt.NDArray[np.float64]:
        """rows (n, features) float32 -> (n, classes); one column, the logit of the second, for two classes."""
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        total = np.empty((len(rows), len(self.start)), dtype=np.int64)
        for first in range(0, len(rows), BLOCK):
            total[first : first + BLOCK] = self._sums(rows[first : first + BLOCK])
        return total / MILLI

    def _sums(self, rows: F32) -> npt.NDArray[np.int64]:
        """All trees of a block of rows at once, level by level: few rows cost few calls, many stay in the cache."""
        feature, threshold, leaves, root, step, to_leaf = self._flat
        values, width = rows.ravel(), rows.shape[1]
        from_row = np.arange(len(rows), dtype=np.intp)[:, None] * width
        at = np.repeat(root[None], len(rows), axis=0)
        for _ in range(self.leaf.shape[1].bit_length() - 1):
            right = values.take(feature.take(at) + from_row) > threshold.take(at)
            at += at
            at += step
            at += right
        leaf = leaves.take(at + to_leaf)
        if len(self.start) == 1:
            return np.asarray(leaf.sum(axis=1, keepdims=True) + int(self.start[0]))
        total = np.tile(self.start.astype(np.int64), (len(rows), 1))
        for owner in range(len(self.start)):
            total[:, owner] += leaf[:, self.owner == owner].sum(axis=1)
        return total

    @cached_property
    def _flat(self) -> tuple[Place, F32, npt.NDArray[np.int64], Place, Place, Place]:
        """Features, thresholds and leaves of all trees in one row each; where each tree's root stands in it; what leads
        from twice a place to the left child's; and from a place below the last node to the leaf's.
        """
        trees, inner = self.feature.shape
        tree = np.arange(trees, dtype=np.intp)
        feature, leaves = self.feature.ravel().astype(np.intp), self.leaf.ravel().astype(np.int64)
        return feature, self.threshold.ravel(), leaves, tree * inner, 1 - tree * inner, tree - inner

    def probability(self, rows: F32) -> npt.NDArray[np.float64]:
        """(n,) for a model of two classes, else (n, classes) that sum to 1."""
        logits = self.logits(rows)
        if logits.shape[1] == 1:
            return np.asarray(1.0 / (1.0 + np.exp(-logits[:, 0])))
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
