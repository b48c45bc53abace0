"""How tests are spread over two workers: files stay whole, and all that starts a browser runs on one worker, first.

Two browsers with two hubs on two cores would make waits time out that are no fault of the code. By folder, since the
marks of a test do not reach the process that deals them out.
"""

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]  # it brings no types
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # the same

WITH_BROWSER = ("tests/journey/", "tests/line/")


class Spread(LoadScopeScheduling):  # type: ignore[misc]  # its base has no types
    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith(WITH_BROWSER) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spread:
    return Spread(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(WITH_BROWSER))
