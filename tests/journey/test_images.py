"""Images: handed over on the patient's page, opened, windowed, measured, played; on a phone too."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.async_api import FilePayload, Page, expect
from pydicom.dataset import Dataset

from tests.journey.conftest import PHONE, People, Person, shot
from tests.server.conftest import REQUEST, Hub, normal
from tests.server.test_images_files import made, shipped

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

SIDE = 100


def ct(ds: Dataset) -> None:
    """Three frames of 100 x 100, of 0.5 mm; all air, but for a square of water that moves with the frame."""
    ds.PatientName, ds.PatientID = "MA^DEFU=马德福", ""
    ds.Rows = ds.Columns = SIDE
    ds.NumberOfFrames, ds.FrameTime = 3, 40
    ds.PixelSpacing, ds.RescaleSlope, ds.RescaleIntercept = [0.5, 0.5], 1, -1000
    frames = np.zeros((3, SIDE, SIDE), "<i2")
    for number in range(3):
        frames[number, 20:60, 20 + 20 * number : 60 + 20 * number] = 1000
    ds.PixelData = frames.tobytes()


def file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


async def hand_over(person: Person, name: str, content: bytes) -> None:
    await person.see("image-input").set_input_files(file(name, content))


async def grey_at(page: Page, x: float, y: float) -> int:
    """What stands on the canvas, x and y from 0 to 1."""
    found = await page.locator(".imgstage canvas").evaluate(
        """(c, [x, y]) => {
          const pen = c.getContext('2d')
          return pen.getImageData(Math.floor(c.width * x), Math.floor(c.height * y), 1, 1).data[0]
        }""",
        [x, y],
    )
    return int(found)


async def test_an_image_is_handed_over_opened_windowed_measured_and_played(hub: Hub, people: People) -> None:
    receipt = await hub.send("org_hewan", normal(), REQUEST)
    clinic = await people.open("clinic", f"/recording/{receipt.recording}")
    clinic.refusal(409, r"/images$")
    clinic.refusal(415, r"/images$")
    await expect(clinic.see("patient-images")).to_be_visible()

    # An ECG is sent where ECGs are read; another patient's image only goes in when a person says so.
    await hand_over(clinic, "ecg.dcm", shipped("waveform_ecg.dcm"))
    await expect(clinic.see("patient-images").get_by_role("alert")).to_contain_text("今日患者")
    await hand_over(clinic, "other.dcm", shipped("MR_small.dcm"))
    await expect(clinic.see("patient-differs")).to_contain_text("4MR1")
    await clinic.page.get_by_role("button", name="不添加").click()
    await hand_over(clinic, "CT.dcm", made(ct))
    card = clinic.see("patient-images").locator("li")
    await expect(card).to_have_count(1)
    await card.locator("a").click()

    stage, page = clinic.see("image-stage"), clinic.page
    await expect(stage).to_have_attribute("data-frame", "0")
    await expect(clinic.see("image-legend")).to_contain_text("窗位 40 窗宽 400 HU")
    assert await grey_at(page, 0.5, 0.02) == 0
    canvas = page.locator(".imgstage canvas")
    box = await canvas.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    async def grey(want: str) -> int:
        await expect(clinic.see("image-legend")).to_contain_text(want)
        await page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return await grey_at(page, 0.5, 0.4)

    # Water is in the middle of the soft window's lower half; white in the lung's; inverted it is the other way round.
    assert await grey("窗宽 400") == pytest.approx(102, abs=2)
    await page.get_by_role("button", name="肺").click()
    assert await grey("窗位 -600") == pytest.approx(229, abs=2)
    await clinic.keys("i")
    assert await grey("窗位 -600") == pytest.approx(26, abs=2)
    await clinic.keys("i", "f")
    await page.mouse.move(*middle)
    await page.mouse.down()
    await page.mouse.move(middle[0] + 50, middle[1])
    await page.mouse.up()
    await expect(clinic.see("image-legend")).not_to_contain_text("窗宽 400")

    # A length in millimetres: the stage shows 100 columns of 0.5 mm in its height.
    await clinic.keys("f", "l")
    await page.mouse.move(middle[0] - 100, middle[1])
    await page.mouse.down()
    await page.mouse.move(middle[0] + 100, middle[1], steps=4)
    await page.mouse.up()
    await expect(page.get_by_role("button", name="清除测量")).to_be_visible()
    told = await clinic.see("image-legend").inner_text()
    mm = float(told.partition("长度 ")[2].partition(" mm")[0])
    assert mm == pytest.approx(0.5 * 200 / (min(box["width"], box["height"]) / SIDE), abs=0.11)

    # Frames: by key, then played by themselves.
    await clinic.keys("ArrowRight")
    await expect(stage).to_have_attribute("data-frame", "1")
    await page.get_by_role("button", name="播放").click()
    await expect(stage).to_have_attribute("data-frame", "0")
    await expect(stage).to_have_attribute("data-frame", "2")
    await page.get_by_role("button", name="暂停").click()
    await shot(page, "image")


async def test_on_a_phone_an_image_without_a_pixel_size_is_shown_and_not_measured(hub: Hub, people: People) -> None:
    receipt = await hub.send("org_hewan", normal(), REQUEST)
    clinic = await people.open("clinic", f"/recording/{receipt.recording}", size=PHONE, lang="en")
    clinic.refusal(409, r"/images$")
    await hand_over(clinic, "US.dcm", shipped("examples_rgb_color.dcm"))
    await clinic.page.get_by_role("button", name="Compared: the same person").click()
    await clinic.see("patient-images").locator("li a").click()
    await expect(clinic.see("image-stage")).to_have_attribute("data-frame", "0")
    await expect(clinic.see("ruler-none")).to_contain_text("nothing can be measured")
    await expect(clinic.page.get_by_role("radio", name="Ruler")).to_have_count(0)
    wide = await clinic.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
