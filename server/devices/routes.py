"""HTTP routes of the device register. Joining by a code needs no session: the code is what is proven."""

from __future__ import annotations

from server.base.http import PUBLIC, Call, Route
from server.devices import service
from server.devices.model import (
    DeviceDetail,
    DeviceFacts,
    DeviceKey,
    DeviceView,
    Enrol,
    EnrolCode,
    Enrolled,
    NewCode,
    NewDevice,
    NewKey,
)
from server.devices.service import Register


def routes(room: Register) -> tuple[Route, ...]:
    async def devices(call: Call) -> list[DeviceView]:
        return await service.devices(room, call.ctx, call.path["org"])

    async def one(call: Call) -> DeviceDetail:
        return await service.one(room, call.ctx, call.path["id"])

    async def add(call: Call) -> DeviceKey:
        return await service.add_device(room, call.ctx, call.body)

    async def describe(call: Call) -> DeviceView:
        return await service.describe(room, call.ctx, call.path["id"], call.body)

    async def add_key(call: Call) -> DeviceKey:
        return await service.add_key(room, call.ctx, call.path["id"], call.body)

    async def revoke_key(call: Call) -> None:
        await service.revoke_key(room, call.ctx, call.path["id"], call.path["key"])

    async def revoke(call: Call) -> None:
        await service.revoke_device(room, call.ctx, call.path["id"])

    async def make_code(call: Call) -> EnrolCode:
        return await service.make_code(room, call.ctx, call.body)

    async def enrol(call: Call) -> Enrolled:
        return await service.enrol(room, call.peer, call.body)

    admin = "device.admin"
    return (
        Route("GET", "/api/orgs/{org}/devices", "device.read", devices, result=list[DeviceView]),
        Route("GET", "/api/devices/{id}", "device.read", one, result=DeviceDetail),
        Route("POST", "/api/devices", admin, add, body=NewDevice, result=DeviceKey),
        Route("POST", "/api/devices/{id}/facts", admin, describe, body=DeviceFacts, result=DeviceView),
        Route("POST", "/api/devices/{id}/keys", admin, add_key, body=NewKey, result=DeviceKey),
        Route("POST", "/api/devices/{id}/keys/{key}/revoke", admin, revoke_key),
        Route("POST", "/api/devices/{id}/revoke", admin, revoke),
        Route("POST", "/api/enrolments", "device.enrol", make_code, body=NewCode, result=EnrolCode, kept=False),
        Route("POST", "/api/devices/enrol", PUBLIC, enrol, body=Enrol, result=Enrolled),
    )
