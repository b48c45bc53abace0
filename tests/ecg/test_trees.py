"""Trees give each row the sum of the leaves that a walk by hand reaches, however many rows are asked at once."""

from __future__ import annotations

import numpy as np

from ecg.trained.trees import BLOCK, MILLI, Trees

TREES, DEPTH, FEATURES, CLASSES = 9, 3, 6, 3


def forest(rng: np.random.Generator) -> Trees:
    inner = 2**DEPTH - 1
    return Trees(
        rng.integers(0, FEATURES, (TREES, inner)).astype(np.int16),
        rng.normal(size=(TREES, inner)).astype(np.float32),
        rng.integers(-2000, 2000, (TREES, 2**DEPTH)).astype(np.int32),
        (np.arange(TREES) % CLASSES).astype(np.int16),
        rng.integers(-500, 500, CLASSES).astype(np.int32),
    )


def by_hand(trees: Trees, row: np.ndarray) -> list[float]:
    total = trees.start.astype(np.int64).copy()
    for tree in range(TREES):
        node = 0
        while node < 2**DEPTH - 1:
            right = row[trees.feature[tree, node]] > trees.threshold[tree, node]
            node = 2 * node + (2 if right else 1)
        total[trees.owner[tree]] += trees.leaf[tree, node - (2**DEPTH - 1)]
    return [float(value) / MILLI for value in total]


def test_a_row_gets_the_leaves_of_its_own_path(rng: np.random.Generator) -> None:
    trees = forest(rng)
    rows = rng.normal(size=(2 * BLOCK + 3, FEATURES)).astype(np.float32)
    rows[4, 2] = np.nan
    assert trees.logits(rows).tolist() == [by_hand(trees, row) for row in rows]


def test_rows_asked_one_by_one_get_the_same(rng: np.random.Generator) -> None:
    trees = forest(rng)
    rows = rng.normal(size=(BLOCK + 5, FEATURES)).astype(np.float32)
    alone = np.concatenate([trees.logits(rows[i : i + 1]) for i in range(len(rows))])
    np.testing.assert_array_equal(trees.logits(rows), alone)


def test_no_rows_give_no_logits(rng: np.random.Generator) -> None:
    assert forest(rng).logits(np.zeros((0, FEATURES), dtype=np.float32)).shape == (0, CLASSES)
