"""From scikit-learn's histogram boosting and forests to the arrays of `ecg.trained.trees`."""

from __future__ import annotations

from typing import Any

import numpy as np

MILLI = 1000.0
_NODE = np.dtype(
    [("is_leaf", "?"), ("value", "f8"), ("feature_idx", "i4"), ("num_threshold", "f8"), ("left", "i4"), ("right", "i4")]
)


def export(model: Any, depth: int, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of a fitted HistGradientBoostingClassifier whose trees are at most `depth` deep.

    The model must have been fitted on float32 rows without missing values or with NaN meant to go left.
    """
    inner = 2**depth - 1
    features, thresholds, leaves, owners = [], [], [], []
    for round_ in model._predictors:
        for owner, predictor in enumerate(round_):
            feature = np.zeros(inner, dtype=np.int16)
            threshold = np.full(inner, np.inf, dtype=np.float32)
            leaf = np.zeros(2**depth, dtype=np.int32)
            _fill(predictor.nodes, 0, 0, depth, feature, threshold, leaf)
            features.append(feature)
            thresholds.append(threshold)
            leaves.append(leaf)
            owners.append(owner)
    start = np.round(MILLI * np.ravel(model._baseline_prediction)).astype(np.int32)
    arrays = {
        "feature": np.stack(features),
        "threshold": np.stack(thresholds),
        "leaf": np.stack(leaves),
        "owner": np.array(owners, dtype=np.int16),
        "start": start,
    }
    return {prefix + key: value for key, value in arrays.items()}


def _fill(
    nodes: Any, at: int, place: int, depth: int, feature: np.ndarray, threshold: np.ndarray, leaf: np.ndarray
) -> None:
    """Copy the subtree of sklearn's node `at` to our node `place`; a leaf above the last level fills all below it."""
    node = nodes[at]
    inner = len(feature)
    if node["is_leaf"]:
        value = round(MILLI * float(node["value"]))
        low = high = place
        while low < inner:
            low, high = 2 * low + 1, 2 * high + 2
        leaf[low - inner : high - inner + 1] = value
        return
    feature[place] = node["feature_idx"]
    limit = np.float32(node["num_threshold"])
    if float(limit) > float(node["num_threshold"]):  # never round up: a value on the limit must stay left
        limit = np.nextafter(limit, np.float32(-np.inf))
    threshold[place] = limit
    _fill(nodes, int(node["left"]), 2 * place + 1, depth, feature, threshold, leaf)
    _fill(nodes, int(node["right"]), 2 * place + 2, depth, feature, threshold, leaf)


def forest(model: Any, depth: int, line: float, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of a fitted forest of two classes whose trees are at most `depth` deep.

    The logit is a thousand times the mean probability above `line`.
    """
    count, inner = len(model.estimators_), 2**depth - 1
    feature = np.zeros((count, inner), dtype=np.int16)
    threshold = np.full((count, inner), np.inf, dtype=np.float32)
    leaf = np.zeros((count, 2**depth), dtype=np.int32)
    for row, estimator in enumerate(model.estimators_):
        tree = estimator.tree_
        share = tree.value[:, 0, 1] / tree.value[:, 0].sum(axis=1)
        nodes = np.zeros(tree.node_count, dtype=_NODE)
        nodes["is_leaf"], nodes["value"] = tree.children_left < 0, 1000.0 * share / count
        nodes["feature_idx"], nodes["num_threshold"] = np.maximum(tree.feature, 0), tree.threshold
        nodes["left"], nodes["right"] = np.maximum(tree.children_left, 0), np.maximum(tree.children_right, 0)
        _fill(nodes, 0, 0, depth, feature[row], threshold[row], leaf[row])
    start = np.array([-round(MILLI * 1000.0 * line)], dtype=np.int32)
    owner = np.zeros(count, dtype=np.int16)
    arrays = {"feature": feature, "threshold": threshold, "leaf": leaf, "owner": owner, "start": start}
    return {prefix + key: value for key, value in arrays.items()}
