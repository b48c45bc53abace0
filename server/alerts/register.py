"""The register of critical values (危急值登记本) as a spreadsheet: one row an alert, columns of critical-values.md 5.

Pure: rows of plain text in, CSV out. UTF-8 with a byte order mark, because hospital PCs open it in Excel. A cell that a
spreadsheet would run as a formula is quoted: what a person typed must never become one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

COLUMNS: tuple[tuple[str, str], ...] = (
    ("编号", "number"),
    ("状态", "state"),
    ("患者", "patient"),
    ("性别", "sex"),
    ("年龄", "age_years"),
    ("机构", "place"),
    ("记录编号", "recording"),
    ("规则", "rule"),
    ("规则方案", "profile"),
    ("危急值", "finding"),
    ("测量值", "value"),
    ("界限值", "limit"),
    ("同一事件其他发现", "other_findings"),
    ("机器提示时间", "machine_time"),
    ("确认医师", "confirmed_by"),
    ("确认时间", "confirmed_at"),
    ("逐级通知（对象/渠道/发出/送达/查看）", "notifications"),
    ("接收人", "received_by"),
    ("接收时间", "received_at"),
    ("复述结果", "read_back_result"),
    ("回报医师", "called_back_by"),
    ("回报对象", "told"),
    ("回报方式", "told_how"),
    ("对方复述", "told_read_back"),
    ("回报时间", "told_at"),
    ("处置", "action"),
    ("处置时间", "action_at"),
    ("转归", "outcome"),
    ("闭环医师", "closed_by"),
    ("排除医师", "refuted_by"),
    ("排除原因", "refuted_reason"),
    ("通知用时（分）", "minutes_to_notify"),
    ("确认用时（分）", "minutes_to_acknowledge"),
    ("闭环用时（分）", "minutes_to_close"),
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_csv(rows: Iterable[Sequence[str | float | int | None]], lang: str) -> bytes:
    """One line a row under the headings of `lang`; each row has a value for every column."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow([zh if lang == "zh" else en for zh, en in COLUMNS])
    for row in rows:
        assert len(row) == len(COLUMNS), "a register row has a value for every column"
        table.writerow([_cell(value) for value in row])
    return "\ufeff".encode() + out.getvalue().encode()


def _cell(value: str | float | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    return f"'{value}" if value.lstrip(" ").startswith(FORMULA_STARTS) else value
