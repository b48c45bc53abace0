"""Devices, their keys and enrolment codes: what is stored and sent, and the states of a device."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.base.states import Row, StateTable

State = Literal["offline", "idle", "recording", "uploading", "upload_failed", "done"]
"""未连接, 待采集, 采集中, 上传中, 上传失败, 已完成: what the device did last, as far as the hub knows."""

_ALL: tuple[State, ...] = ("offline", "idle", "recording", "uploading", "upload_failed", "done")
_CONNECTED: tuple[State, ...] = ("idle", "recording", "uploading", "done")

DEVICE = StateTable(
    name="device",
    start="offline",
    rows=(
        Row("offline", "connect", "idle", by="device"),
        *(Row(state, "connect", "idle", by="device") for state in _CONNECTED),
        # A failure stays in sight until the device sends again: it is told on a connection that ends with it.
        Row("upload_failed", "connect", "upload_failed", by="device"),
        *(Row(state, "open_live", "recording", by="device") for state in _ALL),
        *(Row(state, "open_batch", "uploading", by="device") for state in _ALL),
        *(Row(state, "seal", "done", by="system") for state in (*_CONNECTED, "upload_failed")),
        Row("offline", "seal", "offline", by="system"),  # it had sent all of it and left before the file was made
        *(Row(state, "refuse", "upload_failed", by="system") for state in _ALL),
        *(Row(state, "disconnect", "offline", by="device") for state in ("offline", *_CONNECTED)),
        Row("upload_failed", "disconnect", "upload_failed", by="device"),
    ),
)


class DeviceView(msgspec.Struct, frozen=True):
    """One device as the register and the clinics see it. What nobody has told yet is null or empty.

    `clock_offset_ms`: the hub's clock less the device's, so a slow device has a positive one; it may be wrong by
    `clock_uncertainty_ms`, measured at `clock_at`. `refused`: the code of the last refusal that needs a person, until
    the device sends again.
    """

    id: str
    org: str
    model: str
    maker: str
    serial: str
    software: str
    fs: int | None
    leads: list[str]
    state: State
    connected: bool
    active: bool
    added_at: str
    last_seen_at: str | None
    last_ecg_at: str | None
    clock_offset_ms: int | None
    clock_uncertainty_ms: int | None
    clock_at: str | None
    calibrated_on: str | None
    refused: str | None


class KeyView(msgspec.Struct, frozen=True):
    """A key without its secret, which is told once and never again."""

    id: str
    label: str
    added_at: str
    last_used_at: str | None
    revoked_at: str | None


class DeviceEvent(msgspec.Struct, frozen=True):
    """A line of a device's history."""

    at: str
    kind: str
    actor_name: str
    body: dict[str, str | int | float | bool | list[str] | None]


class DeviceDetail(msgspec.Struct, frozen=True):
    """One device with its keys and what was done to it, newest first."""

    device: DeviceView
    keys: list[KeyView]
    history: list[DeviceEvent]


class NewDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    org: str
    model: str
    maker: str = ""
    serial: str = ""
    software: str = ""


class DeviceFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person types of a device. `calibrated_on`: YYYY-MM-DD, null where nobody knows."""

    model: str
    maker: str = ""
    serial: str = ""
    calibrated_on: str | None = None


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: str = ""


class DeviceKey(msgspec.Struct, frozen=True):
    """Shown once: what the device needs to prove itself (base64)."""

    device: str
    key: str


class NewCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    org: str


class EnrolCode(msgspec.Struct, frozen=True):
    """Shown once: by this code one device joins the institution until `expires_at`, `valid_s` from now."""

    id: str
    code: str
    org: str
    expires_at: str
    valid_s: int


class Enrol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device that holds a code says of itself."""

    code: str
    model: str
    serial: str = ""
    software: str = ""


class Enrolled(msgspec.Struct, frozen=True):
    """Told once: the new device's name and key (base64), where it belongs, and where its gateway listens, on the host
    that was asked."""

    device: str
    key: str
    org_name: str
    gateway_port: int
    gateway_tls: bool
