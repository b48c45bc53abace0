"""A screenshot made small enough for the repository: at most 256 colours, packed as well as PNG can.

The browser itself unpacks its picture (no image library is needed); here are the palette and the PNG's few chunks.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt
from playwright.async_api import Page

U8 = npt.NDArray[np.uint8]
COLOURS_MAX = 256
STEP_BITS = 3  # colours that differ by less than 8 of 256 are one before the most frequent are chosen

PIXELS = """async png => {
  const bitmap = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob())
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
  const pen = canvas.getContext('2d')
  pen.drawImage(bitmap, 0, 0)
  const raw = new Uint8Array(pen.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer)
  let text = ''
  for (let i = 0; i < raw.length; i += 32768) text += String.fromCharCode(...raw.subarray(i, i + 32768))
  return [bitmap.width, bitmap.height, btoa(text)]
}"""


async def small(page: Page) -> bytes:
    """What stands on `page` as a PNG with a palette."""
    whole = await page.screenshot(animations="disabled")
    blank = await page.context.new_page()
    width, height, raw = await blank.evaluate(PIXELS, base64.b64encode(whole).decode())
    await blank.close()
    rgb = np.frombuffer(base64.b64decode(raw), dtype=np.uint8).reshape(height, width, 4)[:, :, :3]
    palette, index = reduced(rgb)
    return png(palette, index)


def reduced(rgb: U8) -> tuple[U8, U8]:
    """The palette (k, 3) of the most frequent colours, and for each pixel (h, w) the nearest of them."""
    exact = (rgb.astype(np.int64) << (16, 8, 0)).sum(axis=2)
    key, which, count = np.unique(exact, return_inverse=True, return_counts=True)
    colours = np.stack((key >> 16, key >> 8 & 255, key & 255), axis=1)
    order = np.argsort(-count, kind="stable")
    # Of colours that are almost one the most frequent stands for all: flat areas keep their exact shade.
    _, first = np.unique(colours[order] >> STEP_BITS, axis=0, return_index=True)
    palette = colours[order[np.sort(first)[:COLOURS_MAX]]]
    away = ((colours[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2)
    return palette.astype(np.uint8), away.argmin(axis=1).astype(np.uint8)[which.reshape(exact.shape)]


def png(palette: U8, index: U8) -> bytes:
    height, width = index.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = index
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
