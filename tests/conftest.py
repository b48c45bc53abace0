"""How tests are spread over two workers: files stay whole, and all that starts a browser runs on one worker, first.

Two browsers with two hubs on two cores would make waits time out that are no fault of the code.
"""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = "journey" if item.get_closest_marker("journey") else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.get_closest_marker("journey") is None)
