"""What the clinic is told of a file before the patient leaves."""

from __future__ import annotations

from device.agent.check import check
from tests.ecg.conftest import SAMPLES, given_folder


def test_a_file_that_breaks_its_standard_is_not_called_good_though_its_signal_is() -> None:
    file = (given_folder(SAMPLES) / "damaged" / "scp_wrong_file_crc.scp").read_bytes()
    verdict = check(file, "a.scp").verdict
    assert verdict.level == "doubtful"
    assert "checksum" in verdict.says[0].en
    assert "校验" in verdict.says[0].zh
