"""How the trained parts were made: one script a model, `python -m training.NAME --data ../shared/data`.

Runs in an environment of its own (`./run train NAME`), never in the product: scikit-learn and PyTorch live only here.
"""
