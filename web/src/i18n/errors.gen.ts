// Produced from the server's definitions by `./run regen`; not to be edited.

export const ERRORS: Readonly<Record<string, { readonly zh: string; readonly en: string }>> = {
  "access.forbidden": {
    "zh": "当前角色不能做这一步（{rule}）。请联系有权限的同事或管理员。",
    "en": "Your role does not allow this ({rule}). Ask a colleague with the role, or the administrator."
  },
  "access.origin": {
    "zh": "请求来自其他网站。请从本产品的地址打开页面。",
    "en": "The request came from another web site. Open the product at its own address."
  },
  "access.signed_out": {
    "zh": "尚未登录，或登录已过期。请重新登录，本页内容已保留。",
    "en": "You are not signed in, or your session has ended. Sign in again; what you wrote is kept on this page."
  },
  "access.ticket": {
    "zh": "实时连接凭据已使用或过期。页面会自动重新获取；若没有，请刷新。",
    "en": "The ticket for the live connection is used up or too old. The page fetches a new one by itself; reload if it does not."
  },
  "account.login_taken": {
    "zh": "账号 {login} 已存在。请换一个账号名。",
    "en": "There is already an account {login}. Choose another login."
  },
  "account.weak_password": {
    "zh": "密码太短或太常见。请使用至少 {length_min} 个字符、别人猜不到的密码。",
    "en": "The password is too short or too common. Use at least {length_min} characters that nobody would guess."
  },
  "agent.file_left": {
    "zh": "文件 {name} 未被取走：{reason}。它留在原处；请查看该文件，以及代理程序账号的权限。",
    "en": "{name} is not taken: {reason}. It stays where it is. Look at the file, and at the rights of the agent's account."
  },
  "agent.folder": {
    "zh": "文件夹 {path} 无法读取：{reason}。请确认其存在、共享已连接，以及代理程序账号的权限。",
    "en": "The folder {path} cannot be read: {reason}. Check that it exists, that the share is connected, and the rights of the agent's account."
  },
  "agent.inlet": {
    "zh": "无法打开 {port}：{reason}。可能被其他程序占用，请在代理程序设置中更换端口。",
    "en": "{port} cannot be opened: {reason}. Another program may hold it; change the port in the agent's settings."
  },
  "agent.queue_full": {
    "zh": "代理程序的队列已满：{reason}。文件会留在原处，有空位后继续。请检查到中心的网络。",
    "en": "The agent's queue takes no more: {reason}. Files stay where they are until there is room. Check the line to the hub."
  },
  "agent.settings": {
    "zh": "代理程序的设置（{path}）不能使用：{reason}。各项设置见 docs/how-to/connect-a-clinic.md。",
    "en": "The agent's settings cannot be used ({path}): {reason}. Every setting stands in docs/how-to/connect-a-clinic.md."
  },
  "alert.not_yours": {
    "zh": "该危急值由 {name} 接手，回报和闭环由其本人或本中心值班专家完成。请与 {name} 联系，或请中心值班专家处理。",
    "en": "{name} took this alert; the callback and the closing are his, or the centre's on-call's. Speak with {name}, or ask the on-call of the reading centre."
  },
  "alert.read_back_wrong": {
    "zh": "复述有误：所选的结论或患者与该危急值不符（已答错 {wrong_answers} 次）。请再看图和姓名；复述正确前呼叫不会停止。",
    "en": "That is not the finding and patient of this alert (wrong {wrong_answers} times by you). Look at the ECG and the name again; the calls go on until the right read-back."
  },
  "alert.taken": {
    "zh": "该危急值已由 {name} 接手处理。无需操作；如有补充，请在会话中告知 {name}。",
    "en": "{name} has already taken this alert. Nothing to do for you; write to {name} in the thread if you know more."
  },
  "alert.text_missing": {
    "zh": "“{text_of}”为空或超过 {limit} 字。请如实填写，危急值登记本将留存。",
    "en": "{text_of} is empty or longer than {limit} characters. Write it out: the register of critical values keeps it."
  },
  "blob.differs": {
    "zh": "键 {key} 下已存有不同内容。存储的文件不会更改，请换一个键。",
    "en": "Under the key {key} another content is stored already. A stored file is never changed: take a new key."
  },
  "blob.key": {
    "zh": "这不是存储文件的键。键由小写字母、数字、点和短横组成，用斜杠分层。",
    "en": "This is no key of a stored file. Keys are lower-case names of letters, digits, dots and dashes, with slashes between."
  },
  "blob.missing": {
    "zh": "存储文件 {key} 不见了。请从备份恢复。",
    "en": "The stored file {key} is missing. Restore it from the backup."
  },
  "config.refused": {
    "zh": "中心没有启动：{where}：{reason}。请在该处更正；docs/reference/configuration.md 列有全部设置项。",
    "en": "The hub did not start: {where}: {reason}. Correct it there; docs/reference/configuration.md names every key."
  },
  "consult.already_invited": {
    "zh": "{name} 已在本次会诊中。无需操作。",
    "en": "{name} is in this consultation already. Nothing to do."
  },
  "consult.amend_reason": {
    "zh": "双方已签署的会诊结论，只有写明理由才能更正。请填写更正理由；原版本及双方签名一并保留。",
    "en": "A conclusion that both sides have signed is corrected only with a reason. Write why; the earlier version stays beside it, with both signatures."
  },
  "consult.clinic": {
    "zh": "该专家门诊设置不合理（{reason}）。须为将来的某一天，1 至 100 个号，每号 5 至 240 分钟。",
    "en": "This visiting clinic cannot be: {reason}. It needs 1 to 100 places of 5 to 240 minutes on one day that is to come."
  },
  "consult.clinic_full": {
    "zh": "{name} 的这次专家门诊已满或已停止加入。请选择其他门诊或时段，或加入候补。",
    "en": "This visiting clinic of {name} has no place left or takes nobody any more. Choose another clinic or time, or join the waiting list."
  },
  "consult.conclusion_changed": {
    "zh": "打开之后会诊结论已有修改。请阅读最新内容后再会签。",
    "en": "The conclusion was changed after you opened it. Read the present text, then countersign it."
  },
  "consult.consent": {
    "zh": "普通会诊须有患者或家属签署的书面知情同意书。请先签署；仅急会诊可凭医师说明先行。",
    "en": "An ordinary consultation needs the written consent of the patient or kin. Have the consent signed; only an emergency may go ahead with the doctors' note."
  },
  "consult.consent_unsigned": {
    "zh": "知情同意不完整：须写明签署人、与患者的关系并有签名。请补写姓名，在屏上签字或注明纸质存放处；两名医师说明须写明原因。",
    "en": "The consent is not whole: it needs who signed, in what relation, and the signature. Write the name, sign on the screen or say where the paper is; two doctors also say why."
  },
  "consult.emergency_in_writing": {
    "zh": "急会诊不能等待书面答复。请申请进入会诊室，资料可以后补。",
    "en": "An emergency does not wait for an answer in writing. Ask for a consultation in a room; it can be entered before the papers."
  },
  "consult.feedback_given": {
    "zh": "这些问题已作答，每人仅答一次。无需操作。",
    "en": "These questions have been answered. Nothing to do; each is asked once."
  },
  "consult.film_unable": {
    "zh": "本中心的媒体引擎不支持会诊录像。管理员可改用内置引擎；会诊室其他功能不受影响。",
    "en": "The media engine of this hub cannot film a room. Its administrator can choose the embedded engine; everything else in the room goes on."
  },
  "consult.film_under_way": {
    "zh": "本会诊室的录像已在征求同意或进行中。无需操作；如需重新录像，请先结束当前录像。",
    "en": "A film of this room is asked for or under way already. Nothing to do; end it before you ask for another one."
  },
  "consult.help_nobody": {
    "zh": "现在没有其他值班专家可以呼叫。请点名呼叫专家，或打电话。",
    "en": "Nobody on duty is left to call. Call an expert by name, or by telephone."
  },
  "consult.hours": {
    "zh": "出诊时间不合理（{reason}）。每段须在同一天内，先开始后结束，且不短于一个时段。",
    "en": "These hours cannot be: {reason}. Give each stretch a beginning before its end, within one day, long enough for one slot."
  },
  "consult.in_writing": {
    "zh": "本次为离线会诊，以书面答复，不预约也不进会诊室。请在会诊页面填写结论；如需面谈，请另行申请。",
    "en": "This consultation is answered in writing, without an appointment and a room. Write the conclusion on its page; to meet, ask for a consultation in a room."
  },
  "consult.invitee": {
    "zh": "{org} 目前没有可以应答会诊的专家。请邀请其他机构，或先为其登记专家。",
    "en": "Nobody at {org} can answer a consultation. Ask another institution, or have an expert registered there."
  },
  "consult.marks": {
    "zh": "心电图上的标注无法保存：超过 {limit} 处，或有标注不在波形上。请撤销最后一处或重新标注。",
    "en": "A drawing on the ECG cannot be kept: there are more than {limit}, or one lies off the trace. Take the last one back, or draw it anew."
  },
  "consult.media_full": {
    "zh": "本会诊室的音视频席位已满（{limit} 人）。文字与心电不受影响；有人离开后会自动加入。",
    "en": "Sound and picture in this room are taken by {limit} people; there is no place for one more. Chat and ECG go on without it; you are let in as soon as somebody leaves."
  },
  "consult.media_gone": {
    "zh": "多方音视频暂时无法转发。系统会自动重试；文字与心电不受影响。",
    "en": "Sound and picture between three or more people cannot be passed on at this moment. It is tried again by itself; chat and ECG go on meanwhile."
  },
  "consult.media_refused": {
    "zh": "会诊中心无法使用此浏览器提供的音视频格式。请使用较新版本的 Chromium、Edge、Firefox 或 Safari；文字与心电不受影响。",
    "en": "The hub cannot use what this browser offers for sound and picture. Use a current Chromium, Edge, Firefox or Safari; chat and ECG go on without it."
  },
  "consult.media_too_often": {
    "zh": "本页面短时间内请求音视频过于频繁。请稍候一分钟；若再次出现，请刷新页面并检查网络。",
    "en": "This page asked for sound and picture too often in a short time. Wait a minute; if it happens again, reload the page and check the network."
  },
  "consult.no_offer": {
    "zh": "候补时段已过期，不再保留。本会诊仍在候补名单原位，有新时段会通知。",
    "en": "No time is offered to this consultation any more: its turn has passed. It keeps its place on the waiting list and is told of the next one."
  },
  "consult.no_voice": {
    "zh": "本次会议中的席位（{role}）不能进行此操作。请主席调整席位。",
    "en": "In this sitting you have the seat of a {role}, who does not do this. Ask the chair for another seat."
  },
  "consult.not_a_member": {
    "zh": "会诊室仅限成员进入：{names}。会诊结束后，可在该心电记录中查看结论。",
    "en": "The room is open only to {names}. Ask one of them to tell you the conclusion; you find it in the recording afterwards."
  },
  "consult.not_the_expert": {
    "zh": "这一步应由接受会诊的专家 {name} 完成。",
    "en": "This step belongs to the expert who accepted: {name}. Leave it to this person."
  },
  "consult.not_the_requester": {
    "zh": "这一步应由申请方完成：{name} 或其在 {org} 的同事。应答方不能代双方签署。",
    "en": "This step belongs to the side that asked: {name} or a colleague at {org}. Leave it to them; the one who answers never signs for both sides."
  },
  "consult.only_watches": {
    "zh": "旁听者不填写会诊结论。请告知专家或申请方，由其填写。",
    "en": "Who watches does not write in the conclusion. Tell an expert or the side that asked; they fill it in."
  },
  "consult.opinion_owed": {
    "zh": "在本人签署意见之前，其他专家的意见保持密封。请先写下并签署本人的意见，再公开全部意见。",
    "en": "The opinions are sealed until you have signed your own. Write and sign your opinion, then open the others'."
  },
  "consult.outcome_told": {
    "zh": "{name} 已填报该次随访结局。无需操作；其他情况请写入病例留言。",
    "en": "{name} has already told this outcome. Nothing to do; what else happened goes into the messages of the case."
  },
  "consult.papers_owed": {
    "zh": "本次急会诊先行开展，尚未补交知情同意。请先补交知情同意书或两名医师的说明，再会签。",
    "en": "This emergency went ahead of its consent, and none has been filed since. File the signed consent or the two doctors' note, then countersign."
  },
  "consult.room_full": {
    "zh": "会诊室成员已达 {limit} 人，不能再加人。请先与在场的人继续；需要更多专家时另行申请会诊。",
    "en": "This room has {limit} members: nobody more can be asked in. Go on with those who are here; a further expert can be asked for a consultation of his own."
  },
  "consult.seat": {
    "zh": "本页面在会诊室的音视频席位已失效。页面会自动重新加入；若未恢复，请重新进入会诊室。",
    "en": "This page has no seat for sound and picture in the room any more. The page takes a new one by itself; if it does not, enter the room again."
  },
  "consult.sitting": {
    "zh": "这次会议的安排不合理（{reason}）。须有议程、将来的时间、一名主席，汇报人和记录人各至多一名。",
    "en": "This sitting cannot be: {reason}. It needs an agenda, a time that is to come, one chair, and at most one presenter and scribe."
  },
  "consult.sitting_open": {
    "zh": "本病例的第 {number} 次会议尚未结束。请先结束该次会议；会议记录之后仍可补写。",
    "en": "Sitting {number} of this case is still open. Close it first; its minutes can still be written afterwards."
  },
  "consult.slot_of_another": {
    "zh": "该会诊已由 {name} 接受，只能预约其本人的时段。请选择其时段。",
    "en": "{name} has accepted this consultation; only his own times fit. Choose one of his times."
  },
  "consult.slot_taken": {
    "zh": "{name} 在该时间已不可预约。请从现有时段中另选，或加入候补。",
    "en": "{name} is not free at that time any more, or never was. Choose another of the times that are shown now, or join the waiting list."
  },
  "consult.sound_full": {
    "zh": "本会诊室经网页连接传送声音的页面已达上限。系统会自动重试；文字与心电不受影响。",
    "en": "As many pages of this room send sound over the web connection as the hub carries. It is tried again by itself; chat and ECG go on meanwhile."
  },
  "consult.taken": {
    "zh": "该会诊已由 {name} 接受。无需操作。",
    "en": "{name} has already accepted this consultation. Nothing to do for you; it is in good hands."
  },
  "consult.text_missing": {
    "zh": "“{text_of}”为空或超过 {limit} 字。请填写完整：对方据此判断，并将存入病历。",
    "en": "{text_of} is empty or longer than {limit} characters. Write it out: the other side decides by it, and it stays in the record."
  },
  "consult.time_past": {
    "zh": "会诊时间已过。请选择以后的时间；如需立即开始，直接进入会诊室。",
    "en": "The time of the consultation lies in the past. Choose a later one; to begin at once, enter the room."
  },
  "consult.wanted_time": {
    "zh": "期望时间无法识别。请选择日期和时间，或留空。",
    "en": "The wanted time could not be read. Choose a date and a time, or leave it empty."
  },
  "device.calibration": {
    "zh": "“{given}”不能作为校准日期。请按 2026-11-22 的格式填写，不晚于今天；不清楚可留空。",
    "en": "{given} is not a day on which the device can have been calibrated. Give it as 2026-11-22, not later than today; empty where nobody knows."
  },
  "device.too_many_keys": {
    "zh": "设备已有 {keys_max} 个有效密钥。请先吊销不再使用的，再添加新密钥。",
    "en": "The device has {keys_max} valid keys already. Revoke the ones that are no longer used, then add the new one."
  },
  "device.unknown": {
    "zh": "本机构没有设备 {device}。请从列表中选择，或不指定设备。",
    "en": "There is no device {device} at this institution. Choose one of the list, or leave it open."
  },
  "ecg.annotation_missing": {
    "zh": "没有文件 {path}。请检查标注文件或标签文件所在的目录与扩展名。",
    "en": "There is no file {path}. Check the folder and the extension of the annotation or label file."
  },
  "ecg.cannot_write": {
    "zh": "无法写入 {path}：{reason}。请更换位置，或检查空间与权限。",
    "en": "{path} cannot be written: {reason}. Choose another place, or make room and rights there."
  },
  "ecg.fault": {
    "zh": "处理该文件时程序出错：{reason}。这是心联的故障，与文件无关，请附上此行反馈。",
    "en": "The program failed at this file: {reason}. This is a fault of XinLian, not of the file: please report it with this line."
  },
  "ecg.file_broken": {
    "zh": "{path} 无法读取：{reason}。文件可能不完整或已损坏，请从来源重新发送。",
    "en": "{path} cannot be read: {reason}. Send the file again from its source; it may be cut short or damaged."
  },
  "ecg.file_checksum": {
    "zh": "{path} 中的校验和与内容不符（{where}）。采样可能有误，请从设备重新导出。",
    "en": "The checksum in {path} does not fit its bytes ({where}). Its samples may be wrong: export the file again from the device."
  },
  "ecg.file_empty": {
    "zh": "{path} 是空文件（0 字节）。设备的存储空间可能已满，请重新导出该记录。",
    "en": "{path} is empty (0 bytes). Export the recording again; the disk of the device may be full."
  },
  "ecg.file_field": {
    "zh": "{path} 中的字段 {field} 为 {got}：{why}。请重新导出；若仍如此，请把副本交给本软件的维护者。",
    "en": "In {path} the field {field} is {got}: {why}. Export the file again; if it stays so, send a copy to whoever maintains this software."
  },
  "ecg.file_missing": {
    "zh": "{path} 处没有心电记录：未找到 {missing}。请给出文件头路径（.hea 可省略），并将信号文件放在同一目录。",
    "en": "There is no recording at {path}: {missing} was not found. Give the path of the header, with or without .hea, and keep its signal files beside it."
  },
  "ecg.file_too_large": {
    "zh": "{path} 有 {got} {unit}，最多读取 {most}。请导出较短的一段。",
    "en": "{path} has {got} {unit}; at most {most} are read. Export a shorter stretch of the recording."
  },
  "ecg.file_truncated": {
    "zh": "{path} 不完整：{where}。请从来源重新复制，等复制完成后再发送。",
    "en": "{path} is cut short: {where}. Copy it again from its source and wait until the copy is complete."
  },
  "ecg.font_missing": {
    "zh": "本机没有含中文字符的字体。请安装（Debian：fonts-noto-cjk），或用 --lang en 生成英文页面。",
    "en": "No font with Chinese characters was found on this machine. Install one (Debian: fonts-noto-cjk), or write the page in English (--lang en)."
  },
  "ecg.format_refused": {
    "zh": "{path} 是 {format}，此处不读取：{reason}。请导出为 docs/reference/formats.md 所列的格式之一。",
    "en": "{path} is {format}, which is not read here: {reason}. Export the recording in one of the formats of docs/reference/formats.md."
  },
  "ecg.format_unknown": {
    "zh": "{path} 的格式无法读取。可读取的格式见 docs/reference/formats.md。",
    "en": "{path} is in no format that can be read here. The formats that can be read stand in docs/reference/formats.md."
  },
  "ecg.gain_missing": {
    "zh": "{path} 未说明导联 {lead} 每毫伏对应多少单位。缺少增益无法测量电压，请在文件头中注明。",
    "en": "{path} does not say how many units make a millivolt in lead {lead}. Without it no voltage can be measured: state the gain in the header."
  },
  "ecg.label_column": {
    "zh": "{path} 中没有列 {column}。请提供首行写有列名的 CSV 表格。",
    "en": "{path} has no column {column}. Give a CSV table whose first row names its columns."
  },
  "ecg.label_unknown": {
    "zh": "记录 {record} 的标签 {label} 不在已知标签 {known} 之中。请改正该标签；无法识别的标签既不计为正确，也不计为错误。",
    "en": "{label} of record {record} is none of the labels {known}. Correct the label; what is not understood is never counted as wrong or right."
  },
  "ecg.lead_absent": {
    "zh": "{path} 中没有通道 {lead}；现有：{known}。请填写其中的编号（从 0 起）或名称。",
    "en": "{path} has no channel {lead}; it has {known}. Give a number, counted from 0, or a name from this list."
  },
  "ecg.lead_twice": {
    "zh": "{path} 中导联 {lead} 出现两次。同一导联只能出现一次，请保留正确的一个。",
    "en": "{path} has lead {lead} twice. Keep the one that is right; a lead may stand in a recording only once."
  },
  "ecg.lead_unknown": {
    "zh": "{path} 中有名为 {lead} 的通道，不是可识别的导联。请去掉该通道，或在 codes/leads.csv 中补充其写法。",
    "en": "{path} has a channel called {lead}, which is no lead this library knows. Leave the channel out, or add its spelling to codes/leads.csv."
  },
  "ecg.no_waveform": {
    "zh": "{path} 中没有心电波形。请导出记录本身，而不仅是报告、平均波形或标注。",
    "en": "{path} holds no ECG waveform. Export the recording itself, not only its report, its medians or its annotations."
  },
  "ecg.nothing_to_score": {
    "zh": "{reference} 与 {test} 没有共同的记录。请检查两处位置及其文件的扩展名。",
    "en": "{reference} and {test} have no record in common. Check both places and the extensions of their files."
  },
  "ecg.package_missing": {
    "zh": "生成 {format} 文件需要 Python 包 {package}，本机尚未安装。请用 pip 安装，或改写 SVG 文件（无需其他软件）。",
    "en": "{format} files are made by the Python package {package}, which is not installed. Install it with pip, or write an SVG file, which needs nothing."
  },
  "ecg.paper_too_long": {
    "zh": "该页长达 {mm} 毫米；一页最长 {mm_max} 毫米。请缩短时段或降低走纸速度，或选用可分行的节律条图。",
    "en": "The page would be {mm} mm long; one page has at most {mm_max}. Take fewer seconds or a lower speed, or let a rhythm strip run over several rows."
  },
  "ecg.profile_unknown": {
    "zh": "没有名为 {name} 的规则方案；现有方案：{known}。请从中选择。",
    "en": "There is no rule profile {name}; there are {known}. Choose one of these."
  },
  "ecg.profile_wrong": {
    "zh": "规则方案 {name} 在 {rule} 处有误：{reason}。请改正该行；有误的方案不会部分启用。",
    "en": "The rule profile {name} is wrong at {rule}: {reason}. Mend the row; a profile with a wrong row is never used in part."
  },
  "ecg.sample_rate": {
    "zh": "该记录采样率为 {got} Hz；可分析的范围为 100 至 2000 Hz。请重采样或检查文件头。",
    "en": "The recording has {got} samples a second; 100 to 2000 can be analysed. Resample it, or check the header."
  },
  "ecg.signal": {
    "zh": "该信号无法使用：{reason}。请按（样本数，导联数）提供微伏数值，每列一个导联。",
    "en": "The signal cannot be used: {reason}. Give samples as (n, leads) numbers in microvolts, one column a lead."
  },
  "ecg.stretch_empty": {
    "zh": "第 {first} 至 {end} 秒不在 {path} 之内（全长 {seconds} 秒）。请选择记录范围内的时段。",
    "en": "Seconds {first} to {end} hold nothing of {path}, which lasts {seconds} s. Choose a stretch inside the recording."
  },
  "ecg.unit": {
    "zh": "{path} 中导联 {lead} 的单位为 {unit}，不是可识别的电压单位。请使用 mV 或 uV。",
    "en": "{path} gives lead {lead} in {unit}, which is no voltage this library knows. Use mV or uV."
  },
  "ecg.warn_channel": {
    "zh": "文件中的通道 {channel} 从名称看不是心电导联，未读取。若因此缺少某个导联，应把其写法加入 codes/leads.csv。",
    "en": "The file's channel {channel} is no ECG lead by its name and was left out. Nothing to do, unless an ECG lead is missing now: then its spelling belongs in codes/leads.csv."
  },
  "ecg.warn_checksum": {
    "zh": "文件的校验和不符（{where}）；采样按原样读取。使用前请与设备自己的打印结果核对。",
    "en": "The file's checksum does not fit ({where}); its samples were read as they stand. Compare the trace with the device's own print before relying on it."
  },
  "ecg.warn_count": {
    "zh": "文件未说明记录长度（可能未正常关闭）；每导联找到 {got} 个采样。记录末尾可能缺失，如有需要请重新复制文件。",
    "en": "The file does not say how long it is, as if never closed; {got} samples a lead were found. The end of the recording may be missing: copy the file again if it matters."
  },
  "ecg.warn_fewer_samples": {
    "zh": "文件声明每导联 {promised} 个采样，实际只有 {got} 个，已读取这些。记录末尾缺失，如有需要请重新复制文件。",
    "en": "The file promises {promised} samples a lead and holds {got}; those were read. The end of the recording is missing: copy the file again if it matters."
  },
  "ecg.warn_parts": {
    "zh": "文件中还有无法与其余信号并列的信号（{left}），未读取。如有需要，请另行导出。",
    "en": "The file holds further signals that do not fit beside the others ({left}); they were left out. Export them as a file of their own if they are needed."
  },
  "ecg.warn_rate": {
    "zh": "文件声明 {stated}，不可能成立；按每秒 {used} 个采样读取（{why}）。测量间期前请与设备打印的心率核对。",
    "en": "The file states {stated}, which cannot be; it was read with {used} samples a second ({why}). Compare the heart rate with the device's own print before measuring any interval."
  },
  "ecg.warn_scale": {
    "zh": "文件头给出每步 {uv_per_step} uV 的刻度，比任何心电图机都粗（{range}）。测量电压前，请与设备打印的波形高度核对。",
    "en": "The header's scale of {uv_per_step} uV a step is coarser than any electrocardiograph's ({range}). Compare the height of a beat with the device's own print before measuring any voltage."
  },
  "ecg.warn_stretch": {
    "zh": "文件含有 {count} 段记录，不在同一时间轴上；只读取了第 {taken} 段。如需其他各段，请分别导出。",
    "en": "The file holds {count} stretches that lie on no common time line; only stretch {taken} was read. Export the others by themselves if they matter."
  },
  "ecg.warn_text": {
    "zh": "文件文字与其声明的字符集（{stated}）不符，姓名可能有误。请与申请单核对患者姓名和编号。",
    "en": "The texts of the file are not in the charset it states ({stated}); names may be wrong. Compare the patient's name and number with the request."
  },
  "ecg.would_overwrite": {
    "zh": "{path} 已存在于原记录旁，可能是他人的标注。请用 -o 指定其他目录，或先移走该文件。",
    "en": "{path} is there already, beside the recording; it may be somebody's own annotation. Choose another folder with -o, or move the file away first."
  },
  "ecg.xml": {
    "zh": "{path} 是不予读取的 XML：{reason}。心电文件不需要自定义实体和很深的嵌套，请检查其来源。",
    "en": "{path} is XML that is not read: {reason}. An ECG file needs no entities of its own and no deep nesting; check where it comes from."
  },
  "enrol.expired_code": {
    "zh": "没有添加设备：添加码 {minutes} 分钟内有效，现已过期。请索取新码后立即输入。",
    "en": "No device was added: this code was good for {minutes} minutes, which are over. Ask for a new code and enter it at once."
  },
  "enrol.not_reached": {
    "zh": "未能在 {address} 连上中心：{reason}。请填写浏览器中打开中心页面的地址；除非线路恰在此时中断，添加码未被使用。",
    "en": "The hub was not reached at {address}: {reason}. Give the address of its pages, as in a browser; the code was not used unless the line broke."
  },
  "enrol.refused": {
    "zh": "{sentence}（{hub_code}）",
    "en": "{sentence} ({hub_code})"
  },
  "enrol.rests": {
    "zh": "没有添加设备：错误的添加码太多。请 {wait_s} 秒后再输入；正确的码不会因此作废。",
    "en": "No device was added: there were too many wrong codes. Wait {wait_s} seconds, then enter the code once more; a right one is not lost by this."
  },
  "enrol.too_many": {
    "zh": "本机构已有 {open_max} 个未使用的添加码。请先使用其中之一，或等待过期。",
    "en": "This institution has {open_max} codes that nobody has used yet. Use one of them, or wait until they have run out."
  },
  "enrol.used_code": {
    "zh": "没有添加设备：此添加码已用过，一个码只能添加一台。请索取新码；如用它的不是本机构的人，请吊销新增的设备。",
    "en": "No device was added: this code was used before; each is good for one device. Ask for a new code. If it was not you who used it, have the new device revoked."
  },
  "enrol.wrong_code": {
    "zh": "没有添加设备：这不是本中心的添加码。请与屏幕逐字核对；错 {tries} 次后此地址需等待。",
    "en": "No device was added: this is no code of this hub. Compare it letter by letter with the screen; after {tries} wrong tries this address rests."
  },
  "http.already_done": {
    "zh": "这一操作已经执行过。请刷新页面查看结果。",
    "en": "This command was already carried out. Reload the page to see its result."
  },
  "http.cut_off": {
    "zh": "请求还没收完，线路就断了。请重新提交；没有保存任何内容。",
    "en": "The line broke before the whole request had come. Send it again; nothing was done."
  },
  "http.files_busy": {
    "zh": "当前正在提交的大文件过多。请一分钟后重新提交；没有保存任何内容。",
    "en": "Too many large files are being handed over at the moment. Send it again in a minute; nothing was stored."
  },
  "http.idempotency_key": {
    "zh": "提交操作需要 8 到 64 个字符的幂等键。每次新操作用新的随机键，重试用同一个键。",
    "en": "A command needs an Idempotency-Key of 8 to 64 characters. Send a fresh random key with each new command, the same key with a repeat."
  },
  "http.input": {
    "zh": "请求内容不符合要求：{reason}。请更正后再提交。",
    "en": "The request does not fit: {reason}. Correct the named field and send it again."
  },
  "http.internal": {
    "zh": "中心未能完成这一步，数据没有改变。请再试一次；若仍如此，请把编号 {number} 告诉管理员。",
    "en": "The hub could not do this; nothing was changed. Try once more; if it stays so, tell the administrator the number {number}."
  },
  "http.not_found": {
    "zh": "这里没有可供查看的内容。请核对地址，或请管理员授权。",
    "en": "There is nothing here that you may see. Check the address, or ask the administrator for access."
  },
  "http.too_large": {
    "zh": "请求超过 {limit_bytes} 字节。请分次提交。",
    "en": "The request is larger than {limit_bytes} bytes. Send less at once."
  },
  "image.broken": {
    "zh": "{name} 无法读取：文件损坏、不完整，或内容自相矛盾。请从原设备或影像系统重新导出。",
    "en": "{name} cannot be read: it is damaged, cut short or says what cannot be. Export it again from the machine or archive it came from."
  },
  "image.busy": {
    "zh": "当前正在读取的影像过多。请一分钟后重新提交；没有保存任何内容。",
    "en": "Too many images are being read at the moment. Send it again in a minute; nothing was stored."
  },
  "image.frames": {
    "zh": "{name} 有 {frames} 帧，最多可接收 {most} 帧。请导出较短的片段。",
    "en": "{name} has {frames} frames; {most} can be taken. Export a shorter stretch."
  },
  "image.is_ecg": {
    "zh": "{name} 是 DICOM 心电图，不是影像。请在“今日患者”页面提交，以便分析和出具报告。",
    "en": "{name} is an ECG in DICOM and no image. Hand it over on the page of today's patients: there it is analysed and reported."
  },
  "image.no_pixels": {
    "zh": "{name} 是 DICOM 文件，但不含影像：{content}。请选择影像文件本身；报告可作为 PDF 提交。",
    "en": "{name} is DICOM and holds no image: {content}. Choose the images themselves; a report can be handed over as PDF."
  },
  "image.patient_differs": {
    "zh": "文件中的患者（{in_file}）与此处的患者（{here}）不一致，或无法认定为同一人。请核对，确认为同一人后再提交。",
    "en": "The file names {in_file}; it is put to {here}. Nothing says that they are the same person. Compare both; confirm only when they are the same person."
  },
  "image.pixels": {
    "zh": "{name} 的像素格式本系统不能读取：{pixels}。可读取 8 至 16 位灰度与 8 位彩色，请以此导出。",
    "en": "{name} has pixels that are not read here: {pixels}. Grey of 8 to 16 bits and colour of 8 bits are read; export it so."
  },
  "image.stow": {
    "zh": "该请求不是 STOW-RS 消息：{missing} 缺失或有误。请发送 multipart/related，带 boundary，各部分为 application/dicom（PS3.18，10.5）。",
    "en": "The request is no STOW-RS message: {missing} is missing or wrong. Send multipart/related with a boundary and parts of application/dicom (PS3.18, 10.5)."
  },
  "image.syntax": {
    "zh": "{name} 的压缩方式本系统不能读取：{syntax}。请以不压缩、JPEG 2000、RLE 或 JPEG 基线方式导出。",
    "en": "{name} is compressed in a way that is not read here: {syntax}. Export it uncompressed, or as JPEG 2000, RLE or JPEG baseline."
  },
  "image.too_large": {
    "zh": "{name} 解压后为 {mb} MB，最多可接收 {most_mb} MB。请导出较短的片段或较小的影像。",
    "en": "{name} unpacks to {mb} MB; {most_mb} MB can be taken. Export a shorter stretch, or smaller images."
  },
  "image.uid_taken": {
    "zh": "已有同一实例编号的另一幅影像（{instance}）。原影像保持不变；修改后的影像请以新实例导出。",
    "en": "Another image with the same instance number is stored already ({instance}). The one that is here stays. Export the changed image as a new instance."
  },
  "image.unknown": {
    "zh": "{name} 的内容不是 DICOM 影像、JPEG、PNG 或 PDF。请按其中一种格式导出；文件扩展名无关紧要。",
    "en": "{name} is no DICOM image, JPEG, PNG or PDF by its content. Export it in one of these; the ending of its name does not matter."
  },
  "intake.journal_damaged": {
    "zh": "日志第 {segment} 段从第 {start} 到第 {end} 字节已损坏。请保留该文件并检查磁盘；相关记录无法由它补全。",
    "en": "Journal segment {segment} is damaged from byte {start} to {end}. Keep the file, check the disk; the recordings concerned cannot be completed from it."
  },
  "intake.journal_failed": {
    "zh": "日志所在磁盘拒绝写入或同步（{reason}），中心停止接收数据。请检查磁盘后重新启动，已确认的数据会自动恢复。",
    "en": "The journal's disk refused a write or a sync ({reason}); the hub stops taking samples. Look at the disk, then let the hub start again: it recovers what was acknowledged."
  },
  "intake.journal_in_use": {
    "zh": "另一个进程正在写这份日志。请停止另一个中心，或为本中心指定单独的目录。",
    "en": "Another process writes this journal. Stop the other hub, or give this one its own folder."
  },
  "message.author": {
    "zh": "只有写消息的人可以修改或撤回。请另写一条回复。",
    "en": "Only who wrote a message may change or withdraw it. Answer it with a message of your own."
  },
  "message.changed": {
    "zh": "这条消息已被修改或撤回。请看过现在的内容再决定。",
    "en": "The message was changed or withdrawn meanwhile. Look at its present text and decide again."
  },
  "message.client_id": {
    "zh": "消息自带的编号不是 8 至 64 个字符，或已用于另一条消息。每条新消息请用新的随机编号，仅在重发同一内容时重复使用。",
    "en": "The message's own id is not of 8 to 64 characters, or you used it for another message. Make a fresh random id for each new message, and repeat one only with the same text."
  },
  "message.edit_late": {
    "zh": "消息发出后 {minutes} 分钟内可以修改，这条已超过时间。请写明原因撤回，或另写一条。",
    "en": "A message can be changed for {minutes} minutes; this one is older. Withdraw it with a reason, or write a new one."
  },
  "message.file": {
    "zh": "不能附上这个文件：{reason}。请附 JPEG 或 PNG 图片，或 PDF 文档，不超过 {limit_mb} MB。",
    "en": "This file cannot be attached: {reason}. Attach a JPEG or PNG picture, or a PDF document, of at most {limit_mb} MB."
  },
  "message.file_gone": {
    "zh": "所附文件不属于这个交谈、不是您上传的，或已在另一条消息中。请重新附上文件。",
    "en": "An attached file is not of this thread, not yours, or already in another message. Attach the file again."
  },
  "message.length": {
    "zh": "消息应为 1 至 {limit} 字，当前为 {got} 字。请缩短，或分条发送。",
    "en": "A message has 1 to {limit} characters; this one has {got}. Shorten it, or send it in parts."
  },
  "message.mention": {
    "zh": "被提到的人或角色看不到这个交谈，或提到的人太多。请从 @ 后列出的人中选择。",
    "en": "Nobody of that name or role may see this thread, or too many were named. Choose from the people offered behind @."
  },
  "message.quote": {
    "zh": "引用的心电图位置不存在：{reason}。请在图上重新标注。",
    "en": "The quoted place does not exist: {reason}. Mark the place in the ECG again."
  },
  "message.reason": {
    "zh": "撤回消息要写 1 至 {limit} 字的原因。请写明原因，参加交谈的人都会看到。",
    "en": "A message is withdrawn with a reason of 1 to {limit} characters. Say why; everybody of the thread will see the reason."
  },
  "message.search": {
    "zh": "搜索词应为 1 至 {limit} 字。请输入消息中的一个词。",
    "en": "A search has 1 to {limit} characters. Type a word of the message."
  },
  "order.incomplete": {
    "zh": "申请单不完整：{reason}。请填写姓名、性别和年龄，或标为急诊先采后补。",
    "en": "The request form is not complete: {reason}. Fill in name, sex and age, or mark it as an emergency whose name comes later."
  },
  "org.bad_id": {
    "zh": "{org} 不能作为机构编号，或已被使用。请用 2 到 40 个小写字母、数字或下划线。",
    "en": "{org} cannot name an institution, or names one already. Use 2 to 40 lower-case letters, digits and _ that are not yet taken."
  },
  "org.unknown": {
    "zh": "没有机构 {org}。请从机构列表中选择。",
    "en": "There is no institution {org}. Take one of the list of institutions."
  },
  "patient.already_named": {
    "zh": "这位患者已有姓名。如认错了人，请联系管理员。",
    "en": "This patient already has a name. Ask the administrator when it is the wrong person."
  },
  "reading.claimed_by_other": {
    "zh": "这份心电图由 {name} 领取，至 {until_at}。请读下一份，或请 {name} 交还。",
    "en": "{name} holds this recording until {until_at}. Take the next one, or ask {name} to give it back."
  },
  "reading.not_claimed": {
    "zh": "没有领取这份心电图，或领取已到期。请重新领取，本页内容已保留。",
    "en": "You do not hold this recording, or your claim has ended. Claim it again; what you wrote is kept on this page."
  },
  "reading.unknown_lead": {
    "zh": "没有 {lead} 这个导联。请按记录上的写法填写（I、aVR、V3）。",
    "en": "There is no lead {lead}. Name leads as on the recording (I, aVR, V3)."
  },
  "recording.file_person": {
    "zh": "文件中的姓名是{in_file}，申请单上是{in_form}。阅图前请与诊所核对这是谁的心电图。",
    "en": "The file names {in_file}, the request form {in_form}. Ask the clinic whose ECG this is before reading it."
  },
  "recording.interrupted": {
    "zh": "记录不完整：设备在 {came_s} 秒后中断，中心已结束该记录。请仅就已有部分判读；设备补发的完整记录会另成一份。",
    "en": "Incomplete: the device fell silent after {came_s} s, and the hub has ended the recording. Judge only what is here. When the device sends the whole, it comes as another recording."
  },
  "recording.not_yet": {
    "zh": "该记录的数据尚未到齐。可先看实时波形，或等待上传完成。",
    "en": "The samples of this recording are not complete yet. Watch it live, or wait until it has arrived."
  },
  "recording.replaced": {
    "zh": "这份记录不完整，完整的记录已经到达。请阅读完整的那一份，见工作列表或该患者的历史记录。",
    "en": "This recording was incomplete; the whole one has come since. Read the whole one: it stands in the worklist and in the patient's history."
  },
  "recording.silent": {
    "zh": "设备在数据足够之前中断，中心已结束该记录。请检查设备和网络；设备恢复后会从头重新发送。",
    "en": "The device fell silent before enough of the recording came; the hub has ended it. Check the device and its line. When it is back it sends the recording anew, from its start."
  },
  "report.bad_measurement": {
    "zh": "测量值 {name} = {value} 不可能，或重复出现。请重新测量或删去，自动测量值仍保留。",
    "en": "{name} = {value} is no possible value, or stands twice. Measure again, or remove the value; the machine's stays beside it."
  },
  "report.fonts_missing": {
    "zh": "本机缺少打印报告所需的字体 {missing}。请安装（Debian：apt-get install fonts-noto-cjk）后重新启动。",
    "en": "The font {missing} for printed reports is not on this machine. Install it (Debian: apt-get install fonts-noto-cjk) and start again."
  },
  "report.lowered_reason": {
    "zh": "自动分级为危急，所选分级较低。请用一句话写明理由，或改为危急。",
    "en": "The automatic grade is critical and yours is lower. Write why in one sentence, or grade it critical."
  },
  "report.no_grade": {
    "zh": "报告没有分级。请选择危急、预警或普通。",
    "en": "The report has no grade. Choose critical, warning or normal."
  },
  "report.no_reason": {
    "zh": "更正报告需要写明原因。请用一句话写出哪里有误，它会印在新版本上。",
    "en": "A correction needs its reason. Write in one sentence what was wrong; it is printed on the new version."
  },
  "report.no_statement": {
    "zh": "报告没有诊断结论，或其中有空行。请至少写一条，并删去空行。",
    "en": "The report has no conclusion, or an empty line in it. Write at least one statement and remove empty lines."
  },
  "report.unknown_statement": {
    "zh": "没有编码为 {statement} 的诊断条目。请从目录中选择，或不带编码直接书写。",
    "en": "There is no statement with the code {statement}. Pick one of the catalogue, or write it as free text without a code."
  },
  "sign.locked": {
    "zh": "报告没有签发：30 分钟内没有验证过身份。请输入密码后再签发，内容已保留。",
    "en": "Signing is locked: you have not proved who you are within the last 30 minutes. Enter your password and sign again; the report is kept as you wrote it."
  },
  "sign_in.rests": {
    "zh": "密码多次不对，账号暂停至 {until_at}。请稍后再试，或联系管理员。",
    "en": "Too many wrong passwords: the account rests until {until_at}. Wait, or ask the administrator."
  },
  "sign_in.wrong": {
    "zh": "账号或密码不对。请再试一次；连续 {tries} 次不对，账号将停用 {rest_min} 分钟。",
    "en": "Account or password is wrong. Try again; after {tries} wrong tries the account rests for {rest_min} minutes."
  },
  "start.certificate": {
    "zh": "中心没有启动：证书或密钥不能使用（{reason}）。请检查 tls.certificate 和 tls.key，或用 xinlian tls make 重新生成。",
    "en": "The hub did not start: the certificate or key cannot be used ({reason}). Check tls.certificate and tls.key; `xinlian tls make` gives a private pair."
  },
  "start.database": {
    "zh": "中心没有启动：{place} 的数据库不能使用（{reason}）。请确认 PostgreSQL 在运行，hub.database 与口令正确；数据库须以 ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0 建立，且只供一个中心使用。",
    "en": "The hub did not start: the database at {place} cannot be used ({reason}). See that PostgreSQL runs and that hub.database and its password are right. The database must be made with ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0, and only one hub may use it."
  },
  "start.no_disk": {
    "zh": "中心没有启动：{folder} 不可写或只剩 {free_mb} MB。请清理磁盘或在 hub.data 换一个目录，至少需要 {needed_mb} MB。",
    "en": "The hub did not start: {folder} cannot be written or has only {free_mb} MB left. Make room or name another folder in hub.data; {needed_mb} MB are needed."
  },
  "start.no_tls": {
    "zh": "中心没有启动：未配置 TLS 时只在本机地址监听，不能监听 {host}。请设置 tls.certificate 和 tls.key（可用 xinlian tls make 生成），或设 hub.host 为 127.0.0.1。",
    "en": "The hub did not start: without TLS it listens only on the loopback address, not on {host}. Set tls.certificate and tls.key (`xinlian tls make` makes a pair), or hub.host: 127.0.0.1."
  },
  "start.port_taken": {
    "zh": "中心没有启动：{host} 的端口 {port} 已被占用。请停止占用它的程序，或换一个端口（--port N 或 hub.port）。",
    "en": "The hub did not start: port {port} on {host} is taken. Stop the other program or choose another port (--port N, or hub.port)."
  },
  "start.schema": {
    "zh": "中心没有启动：数据库在 {place} 处不能升级（{reason}）。数据没有改变：请用写入它的版本启动，保留数据目录，并告知心联的维护人员。",
    "en": "The hub did not start: its database cannot be brought up to date at {place} ({reason}). Nothing was changed: start the version that wrote it. Keep the folder and tell those who maintain XinLian."
  },
  "start.schema_newer": {
    "zh": "中心没有启动：数据库由更新版本的心联写入（第 {has} 步，本版本到第 {known} 步）。请启动该版本，或恢复升级前的备份；数据库不能退回旧版本。",
    "en": "The hub did not start: a newer XinLian wrote its database (step {has}, {known} are known). Start that version, or restore the backup of before the update: there is no way back."
  },
  "start.web_not_built": {
    "zh": "中心没有启动：{folder} 里没有构建好的网页。请先运行 ./run build，或在 hub.web 指定目录。",
    "en": "The hub did not start: the web app is not built in {folder}. Run `./run build` once, or name the folder in hub.web."
  },
  "state.refused": {
    "zh": "现在不能执行 {event}：当前状态为 {state}。请查看最新状态后再决定。",
    "en": "{event} is not possible: it is {state} now. Look at the present state and decide again."
  },
  "storage.full": {
    "zh": "中心的磁盘已满，现在无法保存；已保存的内容仍可查看。请不要关闭本页，联系管理员清理空间后再保存。",
    "en": "The hub's disk is full: nothing can be saved now. What was saved before can be read. Keep this page open and tell the administrator to make room; then save again."
  },
  "wire.archive": {
    "zh": "记录的归档文件无法读取：{reason}。请从备份恢复，文件名即记录编号。",
    "en": "The archive file of a recording cannot be read: {reason}. Restore it from the backup; its blob key names the recording."
  },
  "wire.bad_hmac": {
    "zh": "设备的身份证明与密钥不符。请写入中心为该设备保存的密钥。",
    "en": "The device's proof does not fit its key. Give the device the key the hub has for it."
  },
  "wire.busy": {
    "zh": "中心目前无法接收更多数据。请在 {retry_after_s} 秒后重试，并保留记录。",
    "en": "The hub cannot take more at the moment. Come back after {retry_after_s} s; keep the recording."
  },
  "wire.certificate": {
    "zh": "不信任中心的证书：{reason}。请指定签发机构的证书文件（--ca 或 SSL_CERT_FILE），即 xinlian tls make 生成的 ca.pem。",
    "en": "The hub's certificate is not trusted: {reason}. Give the authority's file (--ca, or SSL_CERT_FILE); `xinlian tls make` wrote it as ca.pem."
  },
  "wire.checksum": {
    "zh": "中心收到的样本与设备发送的不一致（SHA-256 不同）。请换新的 uid 重发；连续两次说明存储有故障。",
    "en": "The samples the hub has are not those the device sent (SHA-256 differs). Send the recording again under a new uid; twice in a row means faulty memory."
  },
  "wire.client_certificate": {
    "zh": "此连接的证书不属于该设备。请为每台设备使用自己的证书（xinlian tls device DEVICE 可生成），其通用名即设备编号。",
    "en": "The certificate of this connection does not name the device. Give each device its own: xinlian tls device makes one, with the device's id as common name."
  },
  "wire.crc": {
    "zh": "流 {stream} 的数据帧到达时已损坏：CRC32 不符。CRC32 与 zlib 相同，覆盖其前的帧头和帧体；若无误，请检查内存。",
    "en": "Frames of stream {stream} arrive damaged: their CRC32 does not fit. CRC32 as in zlib, over the header before it and the body; if that is right, check the memory."
  },
  "wire.credit": {
    "zh": "第 {seq} 帧超出额度：只能发送 {limit} 之前的帧，待确认数据不超过 {bytes_max} 字节。请收到确认后再继续发送。",
    "en": "Frame {seq} is over the credit: frames below {limit}, {bytes_max} waiting bytes. Wait for an ack before sending more."
  },
  "wire.device_revoked": {
    "zh": "这台设备已被中心停用。请向中心管理员了解原因，确需使用时重新登记。",
    "en": "This device has been blocked at the hub. Ask the hub's administrator why, and register it anew if it may be used again."
  },
  "wire.end_differs": {
    "zh": "end 帧称共 {frames} 帧、{samples} 个样本，中心实收 {got_frames} 帧、{got_samples} 个样本。请统计该记录在所有连接上的总数。",
    "en": "The end names {frames} frames, {samples} samples; the hub has {got_frames}, {got_samples}. Count all frames and samples of the recording, over all connections."
  },
  "wire.file": {
    "zh": "文件无法接收：{reason}。请核对其大小、压缩方式和 SHA-256 是否与 deposit 所述一致，并按原样发送。",
    "en": "The file cannot be taken: {reason}. Compare its size, packing and SHA-256 with what deposit said; send it as it was found."
  },
  "wire.frame": {
    "zh": "数据帧无法读取：{reason}。请对照 docs/reference/protocol.md 核对其字节。",
    "en": "A frame cannot be read: {reason}. Compare its bytes with docs/reference/protocol.md."
  },
  "wire.frame_too_large": {
    "zh": "数据帧超过 {bytes_max} 字节。请将样本切成更小的帧，每帧 200 至 500 毫秒为宜。",
    "en": "A frame has more than {bytes_max} bytes. Cut the samples into smaller frames; 200 to 500 ms each is best."
  },
  "wire.gain": {
    "zh": "每个量化单位为 {got} 微伏，可接收 {least} 至 {most} 微伏。请核对 gain_uv_per_lsb：是每单位的微伏数，不是每毫伏的单位数。",
    "en": "One step of a sample is {got} uV; {least} to {most} uV can be taken. Check gain_uv_per_lsb: microvolts for one step, not steps for one millivolt."
  },
  "wire.gap": {
    "zh": "第 {expected} 帧缺失，已要求重发 {asked} 次仍未收到。收到 nack 后请从其指定的帧重发。",
    "en": "Frame {expected} did not come although it was asked for {asked} times. After nack, send again from the frame it names."
  },
  "wire.history_gone": {
    "zh": "中心要求第 {wanted} 帧，设备只保留了第 {kept} 帧及以后。设备应保留记录直到收到回执；中心已有的部分仍然保存，其余请换新的 uid 发送。",
    "en": "The hub asks for frame {wanted}; the device keeps only frames from {kept} on. Keep a recording until its receipt. What the hub has stays; send the rest under a new uid."
  },
  "wire.hub_fault": {
    "zh": "中心内部出错（日志编号 {ref}）。请保留记录并重新连接；若持续出现，请告知中心管理员。",
    "en": "Something failed inside the hub (log entry {ref}). Keep the recording and reconnect; tell the hub's operator if it stays."
  },
  "wire.hub_stopping": {
    "zh": "中心正在停止或重新启动（{reason}）。请保留记录并重新连接；已确认的数据不会丢失。",
    "en": "The hub is stopping or starting anew ({reason}). Keep the recording and reconnect; nothing acknowledged is lost."
  },
  "wire.index": {
    "zh": "第 {seq} 帧声明从第 {got} 个采样开始，中心已有 {expected} 个。请按顺序计数；设备丢失的采样以 -32768 发送。",
    "en": "Frame {seq} says it begins at {got}; the hub has counted {expected}. Count every sample (of a file: every byte); send those the device has lost as -32768."
  },
  "wire.key_file": {
    "zh": "密钥文件不能使用：{reason}。它应为 JSON，含 device（设备编号）和 key（base64，至少 16 字节），可用 xinlian device add 生成。",
    "en": "The key file cannot be used: {reason}. It is JSON: {{\"device\": id, \"key\": base64, 16 bytes or more}}; xinlian device add writes it."
  },
  "wire.lead_map": {
    "zh": "导联不能接收：{reason}。每个导联只能出现一次，名称以 ecg/codes/leads.csv 为准，样本按此顺序发送。",
    "en": "The leads cannot be taken: {reason}. Name each lead once, as in ecg/codes/leads.csv, and send one sample a lead in this order."
  },
  "wire.open_differs": {
    "zh": "这份记录此前打开时的 {field} 不同。续传时请使用相同的 open 帧；新记录请使用新的 uid。",
    "en": "This recording was opened before with another {field}. Resume with the same open frame, or take a new uid for a new recording."
  },
  "wire.order": {
    "zh": "此时不应出现数据帧 {frame}（当前：{state}）。请依次发送 hello、proof、open、data、end。",
    "en": "The frame `{frame}` is not expected now ({state}). Send hello, proof, open, data, end in this order."
  },
  "wire.rate_differs": {
    "zh": "按设备时钟计算，每秒采样 {measured} 次，而设备声明为 {stated}。请按实际采样率声明，否则所有间期和心率都是错的。",
    "en": "By its clock the device measured {measured} samples a second; it stated {stated}. State the rate the device samples with; every interval and rate would be wrong."
  },
  "wire.refused": {
    "zh": "中心拒绝，代码为 {hub_code}。请在中心的错误说明中查找该代码。",
    "en": "The hub refused with the code {hub_code}. Look the code up in the hub's reference of errors."
  },
  "wire.sample_range": {
    "zh": "第 {seq} 帧有样本超出正负 {uv_max} 微伏。请检查字节序、增益和零点；无信号处请发送 -32768。",
    "en": "Frame {seq} holds a sample beyond +-{uv_max} uV. Check byte order, gain and offset; send -32768 where there is no signal."
  },
  "wire.sample_rate": {
    "zh": "该记录采样率为 {got} Hz，本中心接收 {accepted} Hz。请将设备设为其中之一。",
    "en": "The recording has {got} samples a second; this hub takes {accepted}. Set the device to one of these."
  },
  "wire.silent": {
    "zh": "这份记录已有 {silent_s} 秒没有数据，中心已按不完整记录结束。请用相同的 uid 重新打开并完整发送，完整记录会取代它。",
    "en": "Nothing of this recording came for {silent_s} s; the hub has ended it as incomplete. Open it again with the same uid and send all of it: the whole one takes its place."
  },
  "wire.streams": {
    "zh": "一条连接最多同时打开 {streams_max} 份记录。请先结束一份再打开下一份。",
    "en": "At most {streams_max} recordings can be open on one connection. End one before opening the next."
  },
  "wire.superseded": {
    "zh": "同一设备已在新的连接上继续这份记录。无需处理；若两台机器共用一个密钥，请各自使用自己的密钥。",
    "en": "The same device has taken this recording up on a newer connection. Nothing to do, unless two machines share one key: then give each its own."
  },
  "wire.timeout": {
    "zh": "设备未在 {wait_s} 秒内证明身份。连接后请立即发送 hello，收到 challenge 后立即发送 proof。",
    "en": "The device did not prove itself within {wait_s} s. Send hello at once after connecting and proof at once after challenge."
  },
  "wire.too_long": {
    "zh": "一份记录的样本最多 {bytes_max} 字节。请结束后再打开下一份，系统会按顺序显示。",
    "en": "One recording may have {bytes_max} bytes of samples. End it and open the next one; they are shown as a row."
  },
  "wire.unfinished": {
    "zh": "该设备在中心有 {unfinished} 份记录没有结束，最多允许 {most} 份。请续传并结束 welcome 中列出的记录，或在 {retry_after_s} 秒后重试：长时间无数据的记录由中心结束。",
    "en": "The device has {unfinished} recordings at the hub that it has not ended; {most} are allowed. Resume and end those that welcome names, or come back after {retry_after_s} s: what is silent for long is ended by the hub."
  },
  "wire.unknown_device": {
    "zh": "中心没有登记这台设备。请在中心登记（xinlian device add），并把新密钥写入设备。",
    "en": "The hub knows no such device. Register the device at the hub (xinlian device add) and give it the new key."
  },
  "wire.unreachable": {
    "zh": "连接 {tries} 次后中心仍未收下记录，最后一次原因：{last}。请检查地址和网络；记录仍保存在设备上。",
    "en": "The hub did not take the recording within {tries} connections; the last said: {last}. Check the address and the line; the recording is still on the device."
  },
  "wire.version": {
    "zh": "设备使用的协议版本为 {got}，本中心使用 {accepted}。请升级设备软件或中心。",
    "en": "The device speaks wire version {got}; this hub speaks {accepted}. Update the device's software or the hub."
  }
}
