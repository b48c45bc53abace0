"""Clinic and specialist meet: two browsers with cameras, one ECG before both, an opinion that both have signed."""

from __future__ import annotations

import io

import pypdf
import pytest
from playwright.async_api import Locator, expect

from tests.journey.conftest import People, Person, expect_ink, ink, real, shot
from tests.server.conftest import REQUEST, Hub
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

PURPOSE = "是否需要上转"
OPINION = "心房颤动，控制心室率，一周后复诊。"


async def request(clinic: Person, recording: str) -> str:
    """From the recording, by keyboard where there is a key. Returns the consultation's id."""
    await clinic.go(f"/recording/{recording}")
    await expect(clinic.see("recording-page")).to_be_visible()
    await expect(clinic.page.locator(".ecg canvas").first).to_be_visible()
    await clinic.keys("c")
    form = clinic.see("consult-form")
    await form.locator("[name=purpose]").fill(PURPOSE)
    await form.locator("[name=summary]").fill("反复心悸三天，血压 130/80。")
    await form.locator("[name=consent][value=written]").check()
    await clinic.keys("Control+Enter")
    await clinic.page.wait_for_url("**/consult/*")
    await expect(clinic.see("consult-page")).to_have_attribute("data-state", "submitted")
    return clinic.page.url.rsplit("/", 1)[1]


async def enter(person: Person) -> None:
    await expect(person.see("self-tile")).to_have_attribute("data-state", "on")
    await person.see("lobby").get_by_role("button", name="进入").click()
    await expect(person.see("room")).to_have_attribute("data-place", "in")


NEW_FRAMES = """video => new Promise(done => {
  const begun = video.currentTime
  setTimeout(() => done(false), 2000)
  const look = () =>
    video.videoWidth > 0 && video.currentTime > begun ? done(true) : requestAnimationFrame(look)
  look()
})"""


async def plays(video: Locator) -> None:
    """Pictures really arrive: the other's fake camera draws new frames. Who begins to speak gets another tile: it is
    looked for anew each time."""
    await expect(video).to_be_visible()
    try:
        await until(lambda: video.evaluate(NEW_FRAMES), 60)
    except TimeoutError as error:
        raise AssertionError(await video.page.locator("body").inner_text()) from error


async def test_two_people_hold_a_consultation_before_the_same_ecg_and_both_sign_its_opinion(
    hub: Hub, people: People
) -> None:
    receipt = await hub.send("org_hewan", real("101"), REQUEST)
    clinic = await people.open("clinic")
    specialist = await people.open("oncall", "/consults", theme="dark")
    await expect(specialist.see("consults")).to_be_visible()

    # Asked by the clinic, on the specialist's open page without a reload, accepted.
    consult = await request(clinic, receipt.recording)
    await specialist.page.get_by_role("link", name="马德福").click()
    await specialist.page.get_by_role("button", name="接受").click()
    await expect(specialist.see("consult-page")).to_have_attribute("data-state", "accepted")
    await expect(clinic.see("consult-page")).to_have_attribute("data-state", "accepted")

    # Both go in and see and hear each other.
    for person in (clinic, specialist):
        await person.go(f"/room/{consult}")
        await enter(person)
    for person in (clinic, specialist):
        tile = person.see("peer-tile")
        await expect(tile).to_have_attribute("data-state", "connected")
        await plays(tile.locator("video"))
    await shot(specialist.page, "room")

    # One points, the other sees where; the host moves the paper, the other's follows.
    theirs = specialist.page.locator(".stage-paper canvas.ecg-over")
    empty = await ink(theirs)
    box = await clinic.page.locator(".stage-paper canvas").first.bounding_box()
    assert box is not None
    await clinic.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3, steps=4)
    await expect_ink(theirs, empty)
    paper = ".stage-paper"
    await specialist.keys("Alt+2")
    for person in (clinic, specialist):
        await expect(person.page.locator(paper)).to_have_attribute("data-layout", "6x2")

    # What was said stays after a reload, and so does the seat.
    chat = clinic.see("thread-input")
    await chat.fill("患者现在血压 125/75")
    await chat.press("Enter")
    await expect(specialist.see("thread")).to_contain_text("患者现在血压 125/75")
    await specialist.page.reload()
    await expect(specialist.see("thread")).to_contain_text("患者现在血压 125/75")
    await expect(specialist.see("room")).to_have_attribute("data-place", "in")
    await expect(specialist.page.locator(paper)).to_have_attribute("data-layout", "6x2")
    for person in (clinic, specialist):
        await expect(person.see("peer-tile")).to_have_attribute("data-state", "connected")

    # The specialist writes and signs; the clinic countersigns; it stands in the clinic's record.
    await specialist.see("opinion-open").get_by_role("button").click()
    await specialist.see("opinion-form").locator("[name=opinion]").fill(OPINION)
    await specialist.see("opinion-form").locator("[name=advice]").fill("停用地高辛\n华法林，监测 INR")
    await clinic.see("opinion-open").get_by_role("button").click()
    filled = clinic.see("opinion-form")
    await expect(filled.locator("[name=opinion]")).to_have_value(OPINION)
    await filled.locator("[name=follow_up]").fill("一周后复查")
    await expect(specialist.see("opinion-form").locator("[name=follow_up]")).to_have_value("一周后复查")
    await clinic.see("agenda").locator("summary").first.click()
    await clinic.see("agenda").get_by_label(PURPOSE).check()
    await expect(specialist.see("agenda")).to_have_attribute("data-left", "0")
    await specialist.keys("Control+Enter")
    await expect(specialist.see("opinion")).to_contain_text(OPINION)
    await expect(clinic.see("opinion")).to_contain_text(OPINION)
    await clinic.see("opinion").get_by_role("button", name="会签").click()
    for person in (clinic, specialist):
        await expect(person.see("opinion")).to_have_attribute("data-countersigned", "true")
    await clinic.see("leave").get_by_role("button").click()
    await clinic.go(f"/recording/{receipt.recording}")
    await expect(clinic.see("recording-page")).to_contain_text(OPINION)
    await expect(clinic.see("recording-page")).to_contain_text("陆闻笙")
    await expect(clinic.see("recording-page")).to_contain_text("监测 INR")

    # Its paper is there too, with both hospitals; the clinic has read it, and the specialist sees who did and when.
    await clinic.page.get_by_role("radio", name="会诊意见书").click()
    await expect(clinic.see("conclusion-pdf")).to_be_visible()
    site = clinic.page.url.partition("/recording/")[0]
    printed = await clinic.page.request.get(f"{site}/api/consults/{consult}/conclusion/pdf")
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(await printed.body())).pages)
    assert all(words in text for words in ("河湾", "陆闻笙", "监测 INR", "一周后复查"))
    await clinic.see("conclusion-filed").get_by_role("button", name="已阅").click()
    await expect(clinic.see("conclusion-filed")).to_have_attribute("data-read", "true")
    await expect(specialist.see("conclusion-filed")).to_have_attribute("data-read", "true")

    # Corrected with a reason: both versions can be read, the first until the second is countersigned.
    await specialist.go(f"/consult/{consult}")
    await specialist.page.get_by_role("button", name="更正").click()
    form = specialist.see("opinion-form")
    await form.locator("[name=advice]").fill("华法林，监测 INR")
    await form.get_by_role("button", name="签署").click()
    await expect(form).to_contain_text("写明理由再签署")
    await form.locator("[name=reason]").fill("地高辛已停用")
    await form.get_by_role("button", name="签署").click()
    await expect(specialist.see("conclusion-earlier")).to_be_attached()
    await clinic.go(f"/consult/{consult}")
    await clinic.page.wait_for_load_state("networkidle")  # images that come late move the button under the pointer
    await clinic.see("opinion").get_by_role("button", name="会签").click()
    await expect(clinic.see("opinion")).to_have_attribute("data-countersigned", "true")
    await clinic.see("conclusion-earlier").locator("summary").click()
    await expect(clinic.see("conclusion-earlier")).to_contain_text("停用地高辛")

    # Afterwards: advice is ticked off, the outcome goes to the specialist, the patient's word is written down.
    task = clinic.see("task").first
    await task.locator("[name=task-note]").fill("已开华法林")
    await task.get_by_role("button", name="已执行", exact=True).click()
    await expect(task).to_have_attribute("data-done", "true")
    week = clinic.page.locator("[data-testid=outcome][data-day='7']")
    await week.locator("[name=outcome]").select_option("improved")
    await week.get_by_role("button", name="告知专家").click()
    await expect(week).to_have_attribute("data-outcome", "improved")
    asked = clinic.see("ask-patient")
    await asked.locator("summary").click()
    for number in (1, 2, 3):
        await asked.locator(f"[name=ask-{number}]").select_option("5")
    await asked.get_by_role("button", name="提交").click()
    await expect(asked).to_have_count(0)
    await expect(specialist.page.locator("[data-testid=outcome][data-day='7']")).to_have_attribute(
        "data-outcome", "improved"
    )
    await specialist.go("/consults")
    await expect(specialist.see("followups")).to_contain_text("好转")
    admin = await people.open("admin", "/admin?show=satisfaction")
    await expect(admin.see("satisfaction")).to_contain_text("1/1，100%")
    people.no_faults()


async def test_a_request_says_what_is_missing_and_the_expert_sees_how_complete_it_is(hub: Hub, people: People) -> None:
    receipt = await hub.send("org_hewan", real("62"), REQUEST)
    clinic = await people.open("clinic")
    await clinic.go(f"/consult/new?recording={receipt.recording}")
    form = clinic.see("consult-form")
    await expect(form.locator("[name=disease]")).to_have_value("chest_pain")
    await expect(form.locator("[name=document-troponin]")).to_be_visible()

    # Sent too early: nothing goes out, each missing item is a link to its field.
    await clinic.keys("Control+Enter")
    gaps = form.locator(".request-missing a")
    await expect(gaps).to_have_count(3)
    await gaps.first.click()
    await expect(form.locator("[name=purpose]")).to_be_focused()
    await form.locator("[name=purpose]").fill("是否需要造影")
    await form.locator("[name=summary]").fill("活动后胸痛一月")
    await form.locator("[name=title]").select_option("chief")
    await form.locator("[name=document-vitals]").fill("血压 150/90")
    preview = clinic.page.locator(".request-preview").get_by_test_id("brief")
    await expect(preview).to_contain_text("血压 150/90")
    await expect(preview).to_contain_text("主任医师")

    # What is typed stays when the page is loaded again.
    await clinic.page.reload()
    await expect(form.locator("[name=document-vitals]")).to_have_value("血压 150/90")

    # The consent is signed on the screen.
    await form.locator("[name=consent][value=written]").check()
    await form.get_by_role("radio", name="屏上签字").click()
    pad = form.get_by_test_id("sign-pad")
    await pad.scroll_into_view_if_needed()
    box = await pad.bounding_box()
    assert box is not None
    await clinic.page.mouse.move(box["x"] + 30, box["y"] + 30)
    await clinic.page.mouse.down()
    await clinic.page.mouse.move(box["x"] + 120, box["y"] + 60, steps=5)
    await clinic.page.mouse.up()
    await expect(preview.get_by_test_id("completeness")).to_have_attribute("data-percent", "50")
    await clinic.keys("Control+Enter")
    await clinic.page.wait_for_url("**/consult/con_*")
    consult = clinic.page.url.rsplit("/", 1)[1]

    specialist = await people.open("oncall", f"/consult/{consult}")
    page = specialist.see("consult-page")
    await expect(page.get_by_test_id("completeness")).to_have_attribute("data-percent", "50")
    await expect(page.locator(".sign-shown polyline")).to_have_count(1)
    await expect(page.get_by_test_id("brief")).to_contain_text("肌钙蛋白")

    await expect(page.get_by_test_id("turns")).to_contain_text("陆闻笙")
    await expect(page.get_by_test_id("turns")).to_contain_text("正在值班")

    # The clinic adds one; the expert's open page has it.
    await clinic.page.get_by_role("button", name="补充资料").click()
    later = clinic.see("document-form")
    await later.locator("[name=kind]").select_option("troponin")
    await later.locator("[name=document]").fill("0.01 ng/mL")
    await later.get_by_role("button", name="存入").click()
    await expect(page.get_by_test_id("completeness")).to_have_attribute("data-percent", "62")
    await expect(page).to_contain_text("0.01 ng/mL")

    # His no goes on to the next, who says what he answers for.
    await page.get_by_role("button", name="谢绝").click()
    await specialist.see("reason-form").locator("[name=reason]").fill("正在门诊")
    await specialist.see("reason-form").get_by_role("button", name="确定").click()
    await expect(clinic.see("turns").locator("[data-outcome=waiting]")).to_contain_text("白若川")
    await expect(clinic.see("turns")).to_contain_text("谢绝：正在门诊")
    await specialist.go("/consults")
    skills = specialist.see("skills")
    await skills.locator("summary").click()
    await skills.locator("[name=neurology]").check()
    await expect(skills.get_by_role("status")).to_contain_text("已存")
    people.no_faults()


async def test_an_emergency_leaves_in_two_clicks_and_its_papers_follow(hub: Hub, people: People) -> None:
    receipt = await hub.send("org_hewan", real("62"), REQUEST)
    clinic = await people.open("clinic")
    await clinic.go(f"/recording/{receipt.recording}")
    await expect(clinic.see("recording-page")).to_be_visible()
    await clinic.keys("c")
    await clinic.see("consult-form").get_by_role("button", name="急会诊，立即发出").click()
    await clinic.page.wait_for_url("**/consult/con_*")
    page = clinic.see("consult-page")
    await expect(page).to_contain_text("知情同意待补")
    await page.get_by_role("button", name="补交知情同意").click()
    form = clinic.see("consent-form")
    await form.get_by_role("radio", name="两名医师的说明").click()
    await form.locator("[name=second]").fill("冶建军")
    await form.locator("[name=why]").fill("患者昏迷，家属在途")
    await form.get_by_role("button", name="补交知情同意").click()
    await expect(page).to_contain_text("马春兰 与 冶建军 说明")
    await expect(page).not_to_contain_text("知情同意待补")
    people.no_faults()


async def test_experts_write_before_they_read_each_other_and_a_dissent_stays(hub: Hub, people: People) -> None:
    receipt = await hub.send("org_hewan", real("62"), REQUEST)
    clinic = await people.open("clinic")
    consult = await request(clinic, receipt.recording)
    chair = await people.open("oncall", f"/consult/{consult}")
    await chair.page.get_by_role("button", name="接受").click()
    await expect(chair.see("consult-page")).to_have_attribute("data-state", "accepted")
    # A time is set; both sides see it, and the list has it.
    await chair.page.get_by_role("button", name="排定时间").click()
    await chair.see("schedule-form").locator("[name=at]").fill("2099-05-01T09:30")
    await chair.see("schedule-form").get_by_role("button", name="排定时间").click()
    for person in (chair, clinic):
        await expect(person.see("scheduled")).to_contain_text("2099-05-01 09:30")
    await chair.page.get_by_role("button", name="再请一位专家").click()
    await chair.see("invite-form").locator("[name=expert]").select_option(label="白若川 主任医师 青禾市第一人民医院")
    await chair.see("invite-form").get_by_role("button", name="邀请").click()

    other = await people.open("second", f"/consult/{consult}")
    await expect(other.see("mdt")).to_contain_text("待写：陆闻笙、白若川")
    await chair.see("mdt-form").locator("[name=mdt-opinion]").fill("控制心室率")
    await chair.see("mdt-form").get_by_role("button", name="签署我的意见").click()
    await expect(other.see("mdt")).to_contain_text("陆闻笙")
    await expect(other.see("mdt")).to_contain_text("已写，全部签署后公开")
    await expect(other.see("mdt")).not_to_contain_text("控制心室率")
    await other.see("mdt-form").locator("[name=mdt-opinion]").fill("先做心脏超声")
    await other.see("mdt-form").locator("[name=dissents]").check()
    await other.see("mdt-form").get_by_role("button", name="签署我的意见").click()
    for person in (chair, other, clinic):
        await expect(person.see("mdt")).to_have_attribute("data-open", "true")
        await expect(person.see("mdt")).to_contain_text("控制心室率")
        await expect(person.see("mdt")).to_contain_text("先做心脏超声")
        await expect(person.see("mdt")).to_contain_text("不同意见")
    people.no_faults()
