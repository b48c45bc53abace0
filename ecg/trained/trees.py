"""Boosted trees in numpy: what `training.trees` exports, run over many rows at once.

Only the walk through the trees; features are their owners' business. All comparisons are of float32 with float32, so
that the same row gives the same leaf on every machine; leaves are whole numbers (thousandths of a logit), so that their
sum does not depend on its order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecg.record import F32
from ecg.trained import Weights, load

I32 = npt.NDArray[np.int32]
I16 = npt.NDArray[np.int16]
MILLI = 1000.0
FEW_ROWS = 48  # up to here all trees are walked at once


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
        total = np.tile(self.start.astype(np.int64), (len(rows), 1))
        depth = int(np.log2(self.leaf.shape[1]))
        if len(rows) <= FEW_ROWS:
            return np.asarray((total + self._few(rows, depth)) / MILLI)
        every = np.arange(len(rows))
        for feature, threshold, leaf, owner in zip(self.feature, self.threshold, self.leaf, self.owner, strict=True):
            node = np.zeros(len(rows), dtype=np.intp)
            for _ in range(depth):
                node = 2 * node + 1 + (rows[every, feature[node]] > threshold[node])
            total[:, owner] += leaf[node - len(feature)]
        return np.asarray(total / MILLI)

    def _few(self, rows: F32, depth: int) -> npt.NDArray[np.int64]:
        """All trees at once: for few rows a loop over trees costs more than its arithmetic."""
        trees, every = np.arange(len(self.leaf)), np.arange(len(rows))[:, None]
        node = np.zeros((len(rows), len(trees)), dtype=np.intp)
        for _ in range(depth):
            node = 2 * node + 1 + (rows[every, self.feature[trees, node]] > self.threshold[trees, node])
        leaves = self.leaf[trees, node - self.feature.shape[1]].astype(np.int64)
        whose = self.owner[:, None] == np.arange(len(self.start))
        return np.asarray(leaves @ whose.astype(np.int64))

    def probability(self, rows: F32) -> npt.NDArray[np.float64]:
        """(n,) for a model of two classes, else (n, classes) that sum to 1."""
        logits = self.logits(rows)
        if logits.shape[1] == 1:
            return np.asarray(1.0 / (1.0 + np.exp(-logits[:, 0])))
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
