"""How tests are spread over two workers: files stay whole, and all that starts a browser runs on one worker, first.

Two browsers with two hubs on two cores would make waits time out that are no fault of the code.
"""

import pytest


@pytest.hookimpl(tryfirst=True)  # before xdist's own, which writes the groups into the ids
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def has_browser(item: pytest.Item) -> bool:
        return item.get_closest_marker("journey") is not None or item.nodeid.startswith("tests/line/")

    for item in items:
        group = "journey" if has_browser(item) else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: not has_browser(item))
