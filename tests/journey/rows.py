"""A long worklist put where intake, analysis and queueing would have left it: for the journey and the benchmark."""

from __future__ import annotations

import msgspec

from server.base.clock import later
from server.base.database import Tx
from server.reading import store as reading
from server.records import store as records
from server.records.model import MachineSummary

MACHINE = msgspec.json.encode(MachineSummary(True, ["SINUS_RHYTHM"], 72.0, 160, 92, 388, 412, [], "", None))
WAITED_S = 1700  # the first row; none is late yet


def name_of(n: int) -> str:
    return f"患者{n:06d}"


def fill(tx: Tx, count: int) -> None:
    """`count` ECGs that wait, in the order of their names. They have no samples."""
    patients, recordings, rows = [], [], []
    for n in range(count):
        name, at = f"rec_{n:06d}", later(tx.now, -WAITED_S + n * WAITED_S / count)
        patients.append(
            {"id": f"pat_{n:06d}", "org": "org_hewan", "name": name_of(n), "sex": "F", "age_years": 40 + n % 40,
             "identity": "known"}
        )  # fmt: skip
        recordings.append(
            {"id": name, "uid": name, "device": "dev_hewan", "org": "org_hewan", "org_name": "河湾镇卫生院",
             "centre": "org_city", "patient": f"pat_{n:06d}", "state": "waiting", "kind": "resting",
             "urgency": "routine", "symptoms": '["palpitation"]', "fs": 500.0, "leads": "[]", "samples": 5000,
             "opened_at": at, "received_at": at, "machine": MACHINE}
        )  # fmt: skip
        rows.append(
            {"recording": name, "org": "org_hewan", "centre": "org_city", "place": "open", "rank": 3,
             "waiting_at": at, "due_at": later(at, 1800), "moved_at": at}
        )  # fmt: skip
    tx.conn.execute(records.patient.insert(), patients)
    tx.conn.execute(records.recording.insert(), recordings)
    tx.conn.execute(reading.worklist.insert(), rows)
