// Produced from the server's definitions by `./run regen`; not to be edited.

export type AccountView = {
  readonly id: string
  readonly login: string
  readonly name: string
  readonly title: string
  readonly active: boolean
  readonly grants: readonly GrantView[]
  readonly last_sign_in_at: string | null
}

/** `confirmed`: a person has compared and says that the file's patient is this one. */
export type AddImageQuery = {
  readonly name: string
  readonly case?: string
  readonly confirmed?: boolean
}

/** `known`: the same file was here already and is kept once. */
export type AddedImage = {
  readonly image: Image
  readonly known: boolean
}

/** Of one concluded consultation. `may_report`, `may_answer`: what this viewer may do now. */
export type After = {
  readonly consult: string
  readonly version: number
  readonly tasks: readonly Task[]
  readonly outcomes: readonly OutcomeDue[]
  readonly answered: readonly ('expert' | 'patient' | 'requester')[]
  readonly may_report: boolean
  readonly may_answer: readonly ('expert' | 'patient' | 'requester')[]
}

export type Alert = {
  readonly id: string
  readonly recording: string
  readonly org: string
  readonly org_name: string
  readonly org_phone: string
  readonly patient: Patient
  readonly symptoms: readonly string[]
  readonly state: string
  readonly rule: string
  readonly profile: string
  readonly code: string
  readonly say_zh: string
  readonly say_en: string
  readonly leads: readonly string[]
  readonly first: number
  readonly end: number
  readonly raised_at: string
  readonly confirmed_by_name: string | null
  readonly confirmed_at: string | null
  readonly step: number
  readonly next_at: string | null
  readonly next_name: string | null
  readonly pages: readonly Page[]
  readonly acknowledged_by: string | null
  readonly acknowledged_name: string | null
  readonly acknowledged_at: string | null
  readonly callback: Callback | null
  readonly action: string
  readonly outcome: string
  readonly closed_by_name: string | null
  readonly closed_at: string | null
  readonly refuted_reason: string
  readonly events: readonly string[]
  readonly others?: readonly CriticalFinding[]
  readonly recordings?: readonly string[]
  readonly superseded_by?: string | null
}

/** Open alerts this person must know of, the oldest unanswered first; `cursor` as in the worklist. */
export type Alerts = {
  readonly alerts: readonly Alert[]
  readonly cursor: number
  readonly on_duty: boolean
}

export type AlertsQuery = {
  readonly open?: boolean
  readonly limit?: number
}

export type AmendReport = {
  readonly reason: string
  readonly statements: readonly Statement[]
  readonly grade: 'critical' | 'normal' | 'unassessed' | 'warning'
  readonly measurements?: readonly EditedMeasurement[]
  readonly note?: string
}

export type AnswerFilm = {
  readonly agrees: boolean
}

/** One thing in a calendar. `consult` and `words` only for who may see that consultation. */
export type Appointment = {
  readonly kind: 'booked' | 'clinic' | 'held' | 'offered' | 'sitting'
  readonly from_at: string
  readonly to_at: string
  readonly consult: string | null
  readonly words: string
  readonly state: string
  readonly outside: boolean
}

export type AskFilm = {
  readonly keep?: 'case' | 'short'
}

/** A file of a thread. `width` and `height` in pixels of a picture, 0 of a document. */
export type Attachment = {
  readonly id: string
  readonly name: string
  readonly kind: 'application/pdf' | 'image/jpeg' | 'image/png'
  readonly bytes: number
  readonly width: number
  readonly height: number
}

export type AuditLine = {
  readonly id: number
  readonly at: string
  readonly kind: string
  readonly subject: string
  readonly org: string
  readonly actor: string
  readonly actor_name: string
}

export type AuditPage = {
  readonly lines: readonly AuditLine[]
  readonly chain_whole: boolean
}

/** held: its expert has still to accept the request. offered: to who waits, until `until`. booked: set. */
export type Booking = {
  readonly kind: 'booked' | 'held' | 'offered'
  readonly expert: string
  readonly expert_name: string
  readonly from_at: string
  readonly to_at: string
  readonly until: string | null
  readonly clinic: string | null
  readonly place: number | null
  readonly late_min: number
}

/** offset_min: the hub's wall clock beside UTC. */
export type Calendar = {
  readonly experts: readonly ExpertCalendar[]
  readonly offset_min: number
}

/** `open`: the hours of the day as pairs of moments. */
export type CalendarDay = {
  readonly day: string
  readonly holiday: string
  readonly open: readonly (readonly [string, string])[]
  readonly items: readonly Appointment[]
  readonly free: number
}

/** Of one expert, or of an institution's; empty both: one's own. */
export type CalendarQuery = {
  readonly account?: string
  readonly org?: string
  readonly from_day?: string
  readonly days?: number
}

/** `account` empty: who is on duty at the invited institution. `words`: what it is about. */
export type CallForHelp = {
  readonly account?: string
  readonly words?: string
}

/** The patient's place was told: whom, how, and what he repeated. */
export type Callback = {
  readonly by_name: string
  readonly told: string
  readonly how: string
  readonly read_back: string
  readonly at: string
}

export type Catalogue = {
  readonly entries: readonly CatalogueEntry[]
}

/** A statement that can be picked. `initials`: pinyin initials of the Chinese name and of its usual short forms, with blanks between (`xfcd fc` for 心房颤动, 房颤). */
export type CatalogueEntry = {
  readonly code: string
  readonly zh: string
  readonly en: string
  readonly initials: string
  readonly group: string
  readonly urgency: string
}

/** The read-back: which finding, which patient, each one of three. */
export type Challenge = {
  readonly alert: string
  readonly findings: readonly ReadBackChoice[]
  readonly patients: readonly ReadBackChoice[]
}

export type ChangePassword = {
  readonly old: string
  readonly new: string
}

export type Checklist = {
  readonly disease: 'arrhythmia' | 'chest_pain' | 'child' | 'heart_failure' | 'other' | 'stroke' | 'syncope'
  readonly needs: readonly ('allergy' | 'ct' | 'echo' | 'family_history' | 'history' | 'labs' | 'medication' | 'potassium' | 'troponin' | 'vitals' | 'weight' | 'x_ray')[]
}

export type Checklists = {
  readonly checklists: readonly Checklist[]
}

/** A free slot of an expert, or with `clinic` its next free place, whatever `at` says. */
export type ChosenSlot = {
  readonly expert: string
  readonly at: string
  readonly clinic?: string | null
}

/** A lease on one recording: until `until_at` it is this reader's, then anybody may take it. */
export type Claim = {
  readonly by: string
  readonly name: string
  readonly until_at: string
}

export type Clinic = {
  readonly id: string
  readonly expert: string
  readonly expert_name: string
  readonly title: string
  readonly org: string
  readonly org_name: string
  readonly host_org: string | null
  readonly host_org_name: string
  readonly from_at: string
  readonly to_at: string
  readonly minutes: number
  readonly capacity: number
  readonly free: number
  readonly late_min: number
  readonly note: string
  readonly state: string
  readonly places: readonly ClinicPlace[]
  readonly events: readonly string[]
}

/** Names only for who may see that consultation. */
export type ClinicPlace = {
  readonly place: number
  readonly from_at: string
  readonly starts_at: string
  readonly kind: 'booked' | 'held' | 'offered' | null
  readonly consult: string | null
  readonly words: string
}

export type Clinics = {
  readonly clinics: readonly Clinic[]
}

export type ClinicsQuery = {
  readonly from_day?: string
  readonly days?: number
}

export type Close = {
  readonly action: string
  readonly outcome: string
}

/** interim: what the case may go by until its conclusion; empty: nothing yet. */
export type CloseSitting = {
  readonly interim?: string
}

/** One finding in both. kind `graver`, `milder`, `changed`: the `code` of now stands where `was` stood. `borderline`: it came, went or took the place of `was` by a number that passed a limit and moved less than noise. `unsure`: one of the two could not have shown it. was its code then; None where it is new. leads: those that carry it, now if it is there now. */
export type CodeChange = {
  readonly kind: 'appeared' | 'borderline' | 'changed' | 'gone' | 'graver' | 'milder' | 'unchanged' | 'unsure'
  readonly code: string
  readonly was: string | null
  readonly leads: readonly string[]
}

/** `against`: an earlier recording of the same patient; empty: the last comparable one. */
export type CompareQuery = {
  readonly against?: string
}

/** A recording against an earlier one of the same patient; `earlier` null where there is none that this viewer may see and the analysis could read. `unchanged`: both could be read and nothing differs beyond noise. */
export type Compared = {
  readonly earlier: string | null
  readonly unchanged: boolean
  readonly comparison: Comparison | null
}

/** What changed. rhythm base rhythm then and now, codes of episodes. t_flipped leads whose T wave changed its direction. not_compared leads that could not be read in one of the two. caveats codes: `earlier_unread`, `later_unread` (nothing can be said), `earlier_poor`, `later_poor` (rhythm only), `versions` (another algorithm or profile spoke then). swap a suspected exchange of electrodes: then changes of axis, ST and T are not to be believed. say the same in sentences, the most important first. */
export type Comparison = {
  readonly rhythm: readonly [string, string]
  readonly findings: readonly CodeChange[]
  readonly numbers: readonly NumberChange[]
  readonly t_flipped: readonly string[]
  readonly not_compared: readonly string[]
  readonly caveats: readonly string[]
  readonly swap: Swap | null
  readonly say: readonly Sentence[]
}

/** How much of what this disease needs beforehand is there, in percent, and the names of what is not. */
export type Completeness = {
  readonly percent: number
  readonly missing: readonly string[]
}

/** The conclusion's skeleton: what it is (`text`), what to do, when to look again, what brings the patient back at once. `reason`: why a countersigned one is corrected. */
export type Conclude = {
  readonly text: string
  readonly advice?: readonly string[]
  readonly follow_up?: string
  readonly warning_signs?: string
  readonly marks?: readonly Drawn[]
  readonly reason?: string
}

/** One signed version. It stands when both sides have signed; a correction afterwards is the next one, with reason. pdf_at: when its paper was made and so stood in the record of the side that asked. */
export type Conclusion = {
  readonly version: number
  readonly text: string
  readonly advice: readonly string[]
  readonly follow_up: string
  readonly warning_signs: string
  readonly marks: readonly Drawn[]
  readonly reason: string
  readonly signed_by: string
  readonly signed_name: string
  readonly signed_at: string
  readonly digest: string
  readonly countersigned_name: string | null
  readonly countersigned_at: string | null
  readonly pdf_at: string | null
  readonly receipts: readonly Receipt[]
}

/** version 0: the last. */
export type ConclusionPdfQuery = {
  readonly version?: number
  readonly lang?: 'en' | 'zh'
}

export type ConsentPaper = {
  readonly kind: 'two_doctors' | 'written'
  readonly by: string
  readonly relation: 'child' | 'doctor' | 'guardian' | 'parent' | 'self' | 'sibling' | 'spouse'
  readonly form: 'paper' | 'screen'
  readonly note: string
  readonly strokes: readonly (readonly (readonly [number, number])[])[]
  readonly taken_by_name: string
  readonly at: string
}

export type Consult = {
  readonly id: string
  readonly recording: string
  readonly alert: string | null
  readonly requester: string
  readonly requester_name: string
  readonly requester_org: string
  readonly requester_org_name: string
  readonly invitee_org: string
  readonly invitee_org_name: string
  readonly expert: string | null
  readonly expert_name: string | null
  readonly patient: Patient
  readonly purpose: string
  readonly summary: string
  readonly priority: 'emergency' | 'routine'
  readonly mode: 'async' | 'mdt' | 'single'
  readonly answer_by: string | null
  readonly consent: 'emergency' | 'written'
  readonly specialty: 'cardiology' | 'critical_care' | 'emergency' | 'endocrine' | 'general' | 'neurology' | 'neurosurgery' | 'obstetrics' | 'paediatrics' | 'respiratory'
  readonly expert_title: 'any' | 'associate_chief' | 'attending' | 'chief'
  readonly wanted_at: string | null
  readonly disease: 'arrhythmia' | 'chest_pain' | 'child' | 'heart_failure' | 'other' | 'stroke' | 'syncope'
  readonly documents: readonly Document[]
  readonly consent_paper: ConsentPaper | null
  readonly completeness: Completeness
  readonly turns: readonly Turn[]
  readonly unanswered: boolean
  readonly opinions: readonly Opinion[]
  readonly opinions_open: boolean
  readonly owes_opinion: readonly string[]
  readonly scheduled_at: string | null
  readonly state: string
  readonly requested_at: string
  readonly answered_at: string | null
  readonly reason: string
  readonly members: readonly Member[]
  readonly conclusion: Conclusion | null
  readonly earlier_conclusions: readonly Conclusion[]
  readonly events: readonly string[]
}

export type Consults = {
  readonly consults: readonly Consult[]
  readonly cursor: number
}

export type ConsultsQuery = {
  readonly open?: boolean
  readonly recording?: string | null
}

/** `digest` of the conclusion that was on the screen: when the text has changed since, nothing is signed. */
export type CountersignQuery = {
  readonly digest?: string
}

export type CreateAccount = {
  readonly login: string
  readonly name: string
  readonly title: string
  readonly password: string
  readonly grants: readonly GrantView[]
}

/** A critical rule that fired in a recording: what raises an alert. Places are samples, the range half-open. value, limit the measured number at firing and the limit it passed, in the unit the text names. profile name and version of the rule profile, as they were when it fired. page_before_read the ladder starts before a person has read the ECG. */
export type CriticalFinding = {
  readonly code: string
  readonly rule: string
  readonly profile: string
  readonly say_zh: string
  readonly say_en: string
  readonly first: number
  readonly end: number
  readonly leads?: readonly string[]
  readonly value?: number | null
  readonly limit?: number | null
  readonly page_before_read?: boolean
}

/** One local day that is not as every week: hours off, or hours beyond the usual ones. */
export type DayChange = {
  readonly id: string
  readonly day: string
  readonly kind: 'extra' | 'off'
  readonly from_min: number
  readonly to_min: number
  readonly reason: string
}

/** What the waiting room's device test found; rtt_ms None: the hub did not answer in time; way None: not known. */
export type DeviceCheck = {
  readonly camera: boolean
  readonly microphone: boolean
  readonly rtt_ms?: number | null
  readonly way?: 'direct' | 'none' | 'sound' | 'turn_tcp' | 'turn_tls' | 'turn_udp' | null
}

/** One device with its keys and what was done to it, newest first. */
export type DeviceDetail = {
  readonly device: DeviceView
  readonly keys: readonly KeyView[]
  readonly history: readonly DeviceEvent[]
}

/** A line of a device's history. */
export type DeviceEvent = {
  readonly at: string
  readonly kind: string
  readonly actor_name: string
  readonly body: Readonly<Record<string, string | number | number | boolean | readonly string[] | null>>
}

/** What a person types of a device. `calibrated_on`: YYYY-MM-DD, null where nobody knows. */
export type DeviceFacts = {
  readonly model: string
  readonly maker?: string
  readonly serial?: string
  readonly calibrated_on?: string | null
}

/** Shown once: what the device needs to prove itself (base64). */
export type DeviceKey = {
  readonly device: string
  readonly key: string
}

/** One device as the register and the clinics see it. What nobody has told yet is null or empty. `clock_offset_ms`: the hub's clock less the device's, so a slow device has a positive one; it may be wrong by `clock_uncertainty_ms`, measured at `clock_at`. `refused`: the code of the last refusal that needs a person, until the device sends again. */
export type DeviceView = {
  readonly id: string
  readonly org: string
  readonly model: string
  readonly maker: string
  readonly serial: string
  readonly software: string
  readonly fs: number | null
  readonly leads: readonly string[]
  readonly state: 'done' | 'idle' | 'offline' | 'recording' | 'upload_failed' | 'uploading'
  readonly connected: boolean
  readonly active: boolean
  readonly added_at: string
  readonly last_seen_at: string | null
  readonly last_ecg_at: string | null
  readonly clock_offset_ms: number | null
  readonly clock_uncertainty_ms: number | null
  readonly clock_at: string | null
  readonly calibrated_on: string | null
  readonly refused: string | null
}

/** The last version of one document beforehand (会前资料). */
export type Document = {
  readonly kind: 'allergy' | 'ct' | 'echo' | 'family_history' | 'history' | 'labs' | 'medication' | 'potassium' | 'troponin' | 'vitals' | 'weight' | 'x_ray'
  readonly text: string
  readonly version: number
  readonly by_name: string
  readonly at: string
}

/** The conclusion while both sides fill it, before anybody signs. `advice`: one a line. `began_at`: when the room was first entered, for its clock. */
export type Draft = {
  readonly rev: number
  readonly questions: readonly Question[]
  readonly text: string
  readonly advice: string
  readonly follow_up: string
  readonly warning_signs: string
  readonly marks: readonly Drawn[]
  readonly saved_name: string
  readonly saved_at: string | null
  readonly began_at: string | null
}

/** What was typed since the last save; what is null stays as it is. */
export type DraftChange = {
  readonly questions?: readonly Question[] | null
  readonly text?: string | null
  readonly advice?: string | null
  readonly follow_up?: string | null
  readonly warning_signs?: string | null
  readonly marks?: readonly Drawn[] | null
}

export type DraftReport = {
  readonly statements: readonly Statement[]
  readonly grade: 'critical' | 'normal' | 'unassessed' | 'warning'
  readonly measurements?: readonly EditedMeasurement[]
  readonly note?: string
}

/** One mark. `on` is a recording's id or `board`; `points` are (sample, microvolts), two of them but for `pen`. */
export type Drawn = {
  readonly id: string
  readonly on: string
  readonly shape: 'box' | 'pen' | 'time' | 'voltage'
  readonly lead: string
  readonly points: readonly (readonly [number, number])[]
  readonly words?: string
  readonly by?: string
}

/** `version` is the one the writer saw: a text that was changed meanwhile is not overwritten. */
export type EditMessage = {
  readonly text: string
  readonly version: number
}

/** A reader's value beside the machine's, which stays. QTc is by Bazett, as on the report. */
export type EditedMeasurement = {
  readonly name: 'pr_ms' | 'qrs_axis_deg' | 'qrs_ms' | 'qt_ms' | 'qtc_ms' | 'vent_rate_bpm'
  readonly value: number
}

/** What a device that holds a code says of itself. */
export type Enrol = {
  readonly code: string
  readonly model: string
  readonly serial?: string
  readonly software?: string
}

/** Shown once: by this code one device joins the institution until `expires_at`, `valid_s` from now. */
export type EnrolCode = {
  readonly id: string
  readonly code: string
  readonly org: string
  readonly expires_at: string
  readonly valid_s: number
}

/** Told once: the new device's name and key (base64), where it belongs, and where its gateway listens, on the host that was asked. */
export type Enrolled = {
  readonly device: string
  readonly key: string
  readonly org_name: string
  readonly gateway_port: number
  readonly gateway_tls: boolean
}

/** What a browser needs to join: its member list, the shared view so far, and ICE servers (may be empty). forwarded: sound and picture go over the hub's forwarder, by the seat `media` (null: it is to ask for one; without an offer: the one that was held for it). stay: of this page; another page by which the same person enters later has another, and takes its place. */
export type Enter = {
  readonly consult: Consult
  readonly ice_servers: readonly IceServer[]
  readonly view: SharedView | null
  readonly stay: string
  readonly forwarded?: boolean
  readonly media?: MediaSeat | null
}

/** seat: the one held for this page. */
export type EnterQuery = {
  readonly seat?: string
}

export type Expert = {
  readonly account: string
  readonly name: string
  readonly title: string
  readonly org: string
  readonly org_name: string
  readonly specialties: readonly ('cardiology' | 'critical_care' | 'emergency' | 'endocrine' | 'general' | 'neurology' | 'neurosurgery' | 'obstetrics' | 'paediatrics' | 'respiratory')[]
}

export type ExpertCalendar = {
  readonly account: string
  readonly name: string
  readonly title: string
  readonly org_name: string
  readonly has_hours: boolean
  readonly waiting: number
  readonly days: readonly CalendarDay[]
}

export type Experts = {
  readonly experts: readonly Expert[]
}

/** What was odd about a file, or why it cannot be read: a code of the errors' table with its facts. */
export type FileNote = {
  readonly code: string
  readonly facts: Readonly<Record<string, string | number | number>>
}

export type FileQuery = {
  readonly name?: string
}

export type FilmAnswer = {
  readonly account: string
  readonly name: string
  readonly says: 'agrees' | 'refuses' | 'withdrew'
  readonly at: string
}

/** What the hub whispers to everybody in the room, all the time that a film is asked for or under way. waits_for must answer before it begins. carried who is on it, and who may end it at any time by taking his agreement back. asked: those not in either who enter are asked at the door; without their word they are not on it. */
export type FilmNews = {
  readonly kind: 'film'
  readonly film: string
  readonly state: 'asked' | 'cancelled' | 'deleted' | 'filming' | 'kept' | 'refused'
  readonly by: string
  readonly keep: 'case' | 'short'
  readonly waits_for: readonly string[]
  readonly carried: readonly string[]
  readonly refused: readonly string[]
  readonly why?: '' | 'disk' | 'engine' | 'host' | 'length' | 'restart' | 'room' | 'withdrawn'
}

/** One piece of one member: `media` is its address. Times in milliseconds of the film. */
export type FilmPart = {
  readonly account: string
  readonly name: string
  readonly first_ms: number
  readonly last_ms: number
  readonly picture: boolean
  readonly dropped: number
  readonly media: string
}

export type FilmStage = {
  readonly words: readonly StageWord[]
}

/** One opening of a film: the addresses of its parts are good for this viewer, for some hours. */
export type FilmView = {
  readonly film: RoomFilm
  readonly parts: readonly FilmPart[]
  readonly last_ms: number
  readonly view: string
}

/** One outcome of the lists: owed by this person's side, or told to it. */
export type FollowUp = {
  readonly consult: string
  readonly patient_name: string
  readonly purpose: string
  readonly day: 7 | 30
  readonly due_at: string
  readonly overdue: boolean
  readonly mine: boolean
  readonly outcome: 'died' | 'improved' | 'lost' | 'recovered' | 'unchanged' | 'worse' | null
  readonly reported_at: string | null
}

/** The owed ones first, the longest due before the others; then what was told in the last days. */
export type FollowUps = {
  readonly rows: readonly FollowUp[]
}

/** Three answers from 1 to 5. The patient's are written down by the side that asked. */
export type GiveFeedback = {
  readonly who: 'expert' | 'patient' | 'requester'
  readonly answers: readonly [number, number, number]
  readonly remark?: string
}

/** What the device's own analysis found; `said`: the sentence with its numbers, by language, or nothing. */
export type GlanceFinding = {
  readonly code: string
  readonly grade: string
  readonly said: Readonly<Record<string, string>>
}

/** What came ahead of a file (ACQ-16). It is the device's word; the file is analysed anew. rate_bpm ventricular rate, or None. quality 0 to 100 by lead. strip `strip_lead` for 10 s at 62.5 Hz, int8 of 20 uV, base64; empty where the packet had no room for it. */
export type GlanceView = {
  readonly rate_bpm: number | null
  readonly findings: readonly GlanceFinding[]
  readonly quality: Readonly<Record<string, number>>
  readonly strip_lead: string
  readonly strip: string
}

export type GrantView = {
  readonly role: 'admin' | 'auditor' | 'coordinator' | 'expert' | 'general_duty' | 'on_call' | 'operator' | 'quality_officer' | 'reader' | 'requesting_doctor' | 'reviewer' | 'village_doctor'
  readonly org: string
}

/** A file's own curve (VOI LUT): grey 0..255 at `first`, `first + step`, ... of the stored values. */
export type GreyCurve = {
  readonly name: string
  readonly first: number
  readonly step: number
  readonly grey: readonly number[]
}

/** Which values become black to white, in the values' own unit; `name` as the file calls it, may be empty. */
export type GreyWindow = {
  readonly name: string
  readonly centre: number
  readonly width: number
}

/** The recording of a file. `known`: the hub has had a file with these bytes before, and this is its recording. */
export type HandedOver = {
  readonly recording: Recording
  readonly known: boolean
}

/** `unheard`: it rang out. `org_name`: of the side that asked for the consultation. */
export type HelpCall = {
  readonly consult: string
  readonly account: string
  readonly name: string
  readonly by_name: string
  readonly org_name: string
  readonly patient: Patient
  readonly purpose: string
  readonly words: string
  readonly at: string
  readonly answer: 'came' | 'declined' | 'ringing' | 'unheard'
}

export type HelpCalls = {
  readonly calls: readonly HelpCall[]
}

/** The parcel view: what happened to a recording, when, by whom. */
export type HistoryLine = {
  readonly at: string
  readonly kind: string
  readonly actor_name: string
  readonly body: Readonly<Record<string, string | number | number | boolean | readonly string[] | null>>
}

export type Hit = {
  readonly message: Message
  readonly about: ThreadAbout
}

export type Hits = {
  readonly hits: readonly Hit[]
}

export type Holiday = {
  readonly day: string
  readonly name: string
}

/** Days on which an institution's experts have no weekly hours. */
export type Holidays = {
  readonly holidays: readonly Holiday[]
}

/** `weekly` empty: this expert offers no slots; his time is set case by case. */
export type Hours = {
  readonly account: string
  readonly name: string
  readonly org: string
  readonly slot_min: number
  readonly notice_min: number
  readonly weekly: readonly WeeklyHours[]
  readonly changes: readonly DayChange[]
  readonly kept_by_name: string
  readonly kept_at: string | null
}

export type IceServer = {
  readonly urls: readonly string[]
  readonly username?: string
  readonly credential?: string
}

/** lang: of the words in the file. */
export type IcsQuery = {
  readonly lang?: 'en' | 'zh'
}

/** Name later: who the unidentified person was. */
export type Identify = {
  readonly patient: PatientFacts
}

export type Image = {
  readonly id: string
  readonly patient: string
  readonly case: string
  readonly kind: 'dicom' | 'pdf' | 'photo'
  readonly name: string
  readonly bytes: number
  readonly facts: ImageFacts
  readonly added_by_name: string
  readonly added_at: string
}

/** What stands in the file about the picture. `rows` 0: it has none to show (a PDF that cannot be read); the frames of a PDF are its pages. */
export type ImageFacts = {
  readonly rows?: number
  readonly columns?: number
  readonly frames?: number
  readonly colour?: boolean
  readonly slope?: number
  readonly intercept?: number
  readonly unit?: string
  readonly windows?: readonly GreyWindow[]
  readonly curve?: GreyCurve | null
  readonly inverted?: boolean
  readonly row_mm?: number | null
  readonly column_mm?: number | null
  readonly at_detector?: boolean
  readonly frame_ms?: number | null
  readonly lossy?: boolean
  readonly modality?: string
  readonly description?: string
  readonly taken?: string
  readonly study?: string
  readonly series?: string
  readonly instance?: string
  readonly sop_class?: string
}

export type ImageList = {
  readonly images: readonly Image[]
  readonly cursor: number
}

/** Newest first. `unread` counts the messages of others, in the threads that are his, that he has not read. */
export type Inbox = {
  readonly threads: readonly ThreadLine[]
  readonly unread: number
  readonly seq: number
}

export type InboxQuery = {
  readonly mine?: boolean
  readonly limit?: number
}

export type Invite = {
  readonly account: string
}

/** A key without its secret, which is told once and never again. */
export type KeyView = {
  readonly id: string
  readonly label: string
  readonly added_at: string
  readonly last_used_at: string | null
  readonly revoked_at: string | null
}

/** By how much the expert begins later than planned, as a whole; 0: on time again. */
export type Late = {
  readonly minutes: number
}

/** What lists show of the analysis. `error`: why there is none (a code); then a person reads without it. */
export type MachineSummary = {
  readonly acceptable: boolean
  readonly findings: readonly string[]
  readonly vent_rate_bpm: number | null
  readonly pr_ms: number | null
  readonly qrs_ms: number | null
  readonly qt_ms: number | null
  readonly qtc_ms: number | null
  readonly bad_leads: readonly string[]
  readonly strip: string
  readonly error?: string | null
  readonly said?: Readonly<Record<string, string>>
  readonly mend?: Readonly<Record<string, string>>
}

/** The signed-in person, what he may do (`rules`, names of the access table) and the institutions he can see. */
export type Me = {
  readonly id: string
  readonly login: string
  readonly name: string
  readonly title: string
  readonly grants: readonly GrantView[]
  readonly rules: readonly string[]
  readonly orgs: readonly Org[]
  readonly home: 'admin' | 'clinic' | 'on_call' | 'worklist'
  readonly unlocked_until: string | null
  readonly hub_name: string
  readonly demo: boolean
}

/** To the offer of a sending connection. */
export type MediaAnswer = {
  readonly sdp: string
}

/** An answer or an offer of this seat's page. */
export type MediaDescription = {
  readonly seat: string
  readonly sdp: string
}

export type MediaDone = {
  readonly seat: string
}

/** A seat nobody else sees or hears before its page enters. seat '': two would go browser to browser. */
export type MediaHeld = {
  readonly seat: string
  readonly offer: string
  readonly ice_servers: readonly IceServer[]
}

/** always: even where two would go browser to browser, to learn which way is open. */
export type MediaHold = {
  readonly always?: boolean
}

/** What the hub whispers of media. engine: take a seat; slots and wanted are for one seat's page. accounts of `speakers`: who is heard, the loudest first; of `members`: who has a seat at the forwarder; of `without`: whose voice goes over the web connection, since no media reach him. */
export type MediaNews = {
  readonly kind: 'media'
  readonly say: 'engine' | 'members' | 'slots' | 'speakers' | 'wanted' | 'without'
  readonly seat?: string
  readonly sound?: readonly (string | null)[]
  readonly picture?: readonly (string | null)[]
  readonly large?: boolean
  readonly small?: boolean
  readonly accounts?: readonly string[]
}

/** A page's place at the forwarder. offer: SDP of the receiving connection. */
export type MediaSeat = {
  readonly seat: string
  readonly offer: string
}

/** Whom this seat's page shows, the whole wish each time, in order of worth. */
export type MediaWatch = {
  readonly seat: string
  readonly wishes: readonly Wish[]
}

export type Member = {
  readonly account: string
  readonly name: string
  readonly org_name: string
  readonly part: 'expert' | 'observer' | 'requester'
}

/** Who was named. `role`: by which role, empty when by his own name. */
export type Mention = {
  readonly account: string
  readonly name: string
  readonly role: string
}

/** `seq` is the order of storing, over all threads. A withdrawn message has a reason and no text any more. */
export type Message = {
  readonly id: string
  readonly thread: string
  readonly client_id: string
  readonly author: string
  readonly author_name: string
  readonly at: string
  readonly text: string
  readonly quote: Quote | null
  readonly seq: number
  readonly version: number
  readonly edited_at: string | null
  readonly withdrawn_at: string | null
  readonly withdraw_reason: string
  readonly mentions: readonly Mention[]
  readonly files: readonly Attachment[]
}

/** How far one person is: messages up to `read` he had on his screen, up to `received` his page had been told of. */
export type MessageReader = {
  readonly account: string
  readonly name: string
  readonly read: number
  readonly received: number
}

export type MessageVersion = {
  readonly version: number
  readonly at: string
  readonly text: string
}

/** `more`: there are earlier ones before the first. */
export type Messages = {
  readonly messages: readonly Message[]
  readonly readers: readonly MessageReader[]
  readonly cursor: number
  readonly more: boolean
}

/** Oldest first. Behind `after`, or the last ones before `before`, or the newest; from the beginning if none. */
export type MessagesQuery = {
  readonly after?: string
  readonly before?: string
  readonly newest?: boolean
  readonly limit?: number
}

/** The last version of what was written down (会议记录). */
export type Minutes = {
  readonly text: string
  readonly version: number
  readonly by_name: string
  readonly at: string
}

export type MoveClinic = {
  readonly from_at: string
  readonly host_org?: string | null
}

export type NewCallback = {
  readonly told: string
  readonly how: string
  readonly read_back: string
}

/** host_org: where the expert sits; None: online. minutes: for each place. */
export type NewClinic = {
  readonly expert: string
  readonly from_at: string
  readonly minutes: number
  readonly capacity: number
  readonly host_org?: string | null
  readonly note?: string
}

export type NewCode = {
  readonly org: string
}

/** 知情同意书, or in an emergency the note of two doctors: the one who writes it here and `by`, the second. Signed on the screen it has `strokes`; signed on paper, `note` says where the sheet is kept. Of two doctors, `note` is why nobody could be asked. */
export type NewConsent = {
  readonly kind: 'two_doctors' | 'written'
  readonly by: string
  readonly relation: 'child' | 'doctor' | 'guardian' | 'parent' | 'self' | 'sibling' | 'spouse'
  readonly form?: 'paper' | 'screen'
  readonly note?: string
  readonly strokes?: readonly (readonly (readonly [number, number])[])[]
}

/** The whole day unless minutes are given. */
export type NewDayChange = {
  readonly day: string
  readonly kind: 'extra' | 'off'
  readonly from_min?: number
  readonly to_min?: number
  readonly reason?: string
}

export type NewDevice = {
  readonly org: string
  readonly model: string
  readonly maker?: string
  readonly serial?: string
  readonly software?: string
}

export type NewDocument = {
  readonly kind: 'allergy' | 'ct' | 'echo' | 'family_history' | 'history' | 'labs' | 'medication' | 'potassium' | 'troponin' | 'vitals' | 'weight' | 'x_ray'
  readonly text: string
}

export type NewKey = {
  readonly label?: string
}

/** `client_id` is the sender's own name for it: sent twice, stored once. `roles`: everybody of the thread in it. */
export type NewMessage = {
  readonly client_id: string
  readonly text: string
  readonly quote?: Quote | null
  readonly mentions?: readonly string[]
  readonly roles?: readonly string[]
  readonly files?: readonly string[]
}

export type NewMinutes = {
  readonly text: string
}

/** `dissents`: he does not share the chair's view, and wants that kept with the conclusion. */
export type NewOpinion = {
  readonly text: string
  readonly dissents?: boolean
}

/** The 30-second request form: the next recording of `device` in `org` belongs to this person. */
export type NewOrder = {
  readonly org: string
  readonly patient: PatientFacts
  readonly symptoms: readonly string[]
  readonly urgency?: 'emergency' | 'routine'
  readonly device?: string | null
  readonly note?: string
}

export type NewShift = {
  readonly centre: string
  readonly line: number
  readonly account: string
  readonly from_at: string
  readonly to_at: string
}

/** One measurement in both. `name` as in the JSON (`qtc_ms.bazett`, `axis_deg.qrs`, `st_j_mv.V2`), `unit` ms, bpm, deg or mV; `change` is now minus then, of axes the shorter way round; `limit`: what noise alone may make. */
export type NumberChange = {
  readonly name: string
  readonly unit: string
  readonly before: number
  readonly after: number
  readonly change: number
  readonly limit: number
  readonly beyond_noise: boolean
}

/** The answer to 开始值班: whether the rota names this person now. */
export type OnDuty = {
  readonly account: string
  readonly at: string
  readonly on_duty: boolean
}

/** One expert's signed view. `text` is None while it is sealed for this viewer; that it was written is told. */
export type Opinion = {
  readonly account: string
  readonly name: string
  readonly version: number
  readonly text: string | null
  readonly dissents: boolean | null
  readonly signed_at: string
  readonly digest: string
  readonly independent: boolean
  readonly sitting?: number | null
}

export type Order = {
  readonly id: string
  readonly org: string
  readonly patient: Patient
  readonly symptoms: readonly string[]
  readonly urgency: 'emergency' | 'routine'
  readonly device: string | null
  readonly note: string
  readonly ordered_at: string
  readonly recording: string | null
}

/** One institution of the tree. `path` is the chain of ids from the root, ending with its own. */
export type Org = {
  readonly id: string
  readonly parent: string | null
  readonly level: 'city' | 'community' | 'county' | 'township' | 'village'
  readonly name: string
  readonly name_en: string
  readonly phone: string
  readonly path: readonly string[]
  readonly reading_centre: string | null
}

/** How the patient was `day` days after the conclusion: told to the expert, or still owed. */
export type OutcomeDue = {
  readonly day: 7 | 30
  readonly due_at: string
  readonly overdue: boolean
  readonly outcome: 'died' | 'improved' | 'lost' | 'recovered' | 'unchanged' | 'worse' | null
  readonly note: string
  readonly by_name: string
  readonly reported_at: string | null
}

/** One message to one person: which step of the ladder, when sent, when it reached a page, when it was opened. */
export type Page = {
  readonly account: string
  readonly name: string
  readonly step: number
  readonly channel: string
  readonly sent_at: string
  readonly delivered_at: string | null
  readonly seen_at: string | null
  readonly withdrawn_at?: string | null
}

/** A person examined, as far as this viewer may know. identity `pending`: an emergency whose name comes later. */
export type Patient = {
  readonly id: string
  readonly name: string
  readonly sex: '' | 'F' | 'M'
  readonly age_years: number | null
  readonly birth_date: string | null
  readonly id_no_masked: string
  readonly identity: 'known' | 'pending'
}

/** What a request form or a device says of the person. */
export type PatientFacts = {
  readonly name?: string
  readonly sex?: '' | 'F' | 'M'
  readonly age_years?: number | null
  readonly birth_date?: string | null
  readonly id_no?: string
}

export type PdfQuery = {
  readonly lang?: 'en' | 'zh'
}

/** The time of one consultation. `starts_at`: as planned and by the expert's last word on being late. */
export type Plan = {
  readonly booking: Booking | null
  readonly offer: Booking | null
  readonly waiting: Waiting | null
  readonly starts_at: string | null
  readonly tested: readonly Seen[]
}

/** Who is not of the case yet joins it with his seat. Empty seats: everybody of the case, the requester presents. The chair of the case is the chair of each sitting, named or not. minutes: how long it takes. */
export type PlanSitting = {
  readonly agenda: string
  readonly at?: string | null
  readonly minutes?: number
  readonly seats?: readonly Seat[]
}

/** One thing that is to be answered in the room. */
export type Question = {
  readonly text: string
  readonly answered?: boolean
}

/** A place in a recording: lead and half-open sample range. */
export type Quote = {
  readonly recording: string
  readonly lead: string
  readonly first: number
  readonly end: number
}

export type ReadBack = {
  readonly finding: string
  readonly patient: string
}

/** One of three answers. `key` goes back to the hub; texts are shown. */
export type ReadBackChoice = {
  readonly key: string
  readonly zh: string
  readonly en: string
}

/** The last message that stood on the screen. */
export type ReadUpTo = {
  readonly message: string
}

export type Reanalyse = {
  readonly reason: string
}

export type Reason = {
  readonly reason: string
}

/** 已阅: one of the side that asked has read the countersigned conclusion. */
export type Receipt = {
  readonly account: string
  readonly name: string
  readonly at: string
}

/** The number of the last message that a page was told of. */
export type ReceivedUpTo = {
  readonly seq: number
}

/** One recording as pages see it. `machine` is the short result of the analysis, `grade` a person's word. */
export type Recording = {
  readonly id: string
  readonly state: string
  readonly org: string
  readonly org_name: string
  readonly centre: string
  readonly patient: Patient
  readonly symptoms: readonly string[]
  readonly urgency: 'emergency' | 'routine'
  readonly note: string
  readonly device: string
  readonly device_model: string
  readonly kind: 'resting' | 'stream'
  readonly fs: number
  readonly leads: readonly string[]
  readonly samples: number
  readonly started_at: string | null
  readonly time_from: '' | 'device' | 'file'
  readonly clock_offset_ms: number | null
  readonly clock_uncertainty_ms: number | null
  readonly file: string
  readonly format: string
  readonly notes: readonly FileNote[]
  readonly derived: readonly string[]
  readonly interrupted: boolean
  readonly replaced_by: string | null
  readonly glance: GlanceView | null
  readonly opened_at: string
  readonly received_at: string | null
  readonly grade: 'critical' | 'normal' | 'unassessed' | 'warning'
  readonly machine_grade: 'critical' | 'warning' | null
  readonly machine: MachineSummary | null
  readonly reader_name: string | null
  readonly return_reason: string | null
  readonly returned_note: string | null
  readonly return_leads: readonly string[]
  readonly report: string | null
  readonly impression: readonly string[]
}

export type Refute = {
  readonly reason: string
}

/** Alerts raised from `from_at` (inclusive) to `to_at` (exclusive); `lang` chooses the headings. */
export type RegisterQuery = {
  readonly from_at?: string
  readonly to_at?: string
  readonly lang?: 'en' | 'zh'
}

/** One version. A draft has version 0 until it is signed. */
export type Report = {
  readonly id: string
  readonly recording: string
  readonly version: number
  readonly state: string
  readonly statements: readonly Statement[]
  readonly grade: 'critical' | 'normal' | 'unassessed' | 'warning'
  readonly measurements: readonly EditedMeasurement[]
  readonly note: string
  readonly author: string
  readonly author_name: string
  readonly saved_at: string
  readonly signed_at: string | null
  readonly digest: string | null
  readonly replaces: string | null
  readonly replaced_by: string | null
  readonly reason: string
  readonly pdf_ready: boolean
}

export type ReportOutcome = {
  readonly day: 7 | 30
  readonly outcome: 'died' | 'improved' | 'lost' | 'recovered' | 'unchanged' | 'worse'
  readonly note?: string
}

/** The printed report as pictures: each page a PNG, in base64. */
export type ReportPages = {
  readonly pages: readonly string[]
}

/** What the 2018 rules ask of a request: purpose, summary, wanted time, specialty and title of who is asked, and the consent. An emergency may go before its papers. */
export type RequestConsult = {
  readonly recording: string
  readonly invitee_org: string
  readonly purpose: string
  readonly summary: string
  readonly priority: 'emergency' | 'routine'
  readonly consent: 'emergency' | 'written'
  readonly alert?: string | null
  readonly specialty?: 'cardiology' | 'critical_care' | 'emergency' | 'endocrine' | 'general' | 'neurology' | 'neurosurgery' | 'obstetrics' | 'paediatrics' | 'respiratory'
  readonly expert_title?: 'any' | 'associate_chief' | 'attending' | 'chief'
  readonly wanted_at?: string | null
  readonly disease?: 'arrhythmia' | 'chest_pain' | 'child' | 'heart_failure' | 'other' | 'stroke' | 'syncope'
  readonly documents?: readonly NewDocument[]
  readonly consent_paper?: NewConsent | null
  readonly mode?: 'async' | 'single'
  readonly slot?: ChosenSlot | null
}

/** What the requester mends while the request is back with him; `/submit` then sends it again. */
export type Resubmit = {
  readonly purpose: string
  readonly summary: string
  readonly consent: 'emergency' | 'written'
  readonly documents?: readonly NewDocument[]
  readonly consent_paper?: NewConsent | null
}

export type ReturnRecording = {
  readonly reason: 'artefact' | 'electrode_off' | 'lead_swap' | 'other' | 'too_short' | 'wrong_patient'
  readonly leads?: readonly string[]
  readonly note?: string
}

export type RoomFilm = {
  readonly id: string
  readonly consult: string
  readonly state: 'asked' | 'cancelled' | 'deleted' | 'filming' | 'kept' | 'refused'
  readonly keep: 'case' | 'short'
  readonly asked_by_name: string
  readonly asked_at: string
  readonly began_at: string | null
  readonly ended_at: string | null
  readonly why_ended: '' | 'disk' | 'engine' | 'host' | 'length' | 'restart' | 'room' | 'withdrawn'
  readonly expires_at: string | null
  readonly answers: readonly FilmAnswer[]
}

export type RoomFilms = {
  readonly films: readonly RoomFilm[]
}

export type Satisfaction = {
  readonly since: string
  readonly of: readonly SatisfactionOf[]
}

/** One kind of people: how many answered of those who could, how many of them were satisfied (4 or more on average), and the mean of each question. */
export type SatisfactionOf = {
  readonly who: 'expert' | 'patient' | 'requester'
  readonly answered: Share
  readonly satisfied: Share
  readonly means: readonly (number | null)[]
}

export type SatisfactionQuery = {
  readonly days?: number
}

/** at: UTC, as the hub writes it. */
export type Schedule = {
  readonly at: string
}

export type SearchQuery = {
  readonly q: string
  readonly limit?: number
}

export type Seat = {
  readonly account: string
  readonly role: 'chair' | 'expert' | 'observer' | 'presenter' | 'scribe'
}

/** came_at: when he first entered while the sitting was open. */
export type SeatView = {
  readonly account: string
  readonly name: string
  readonly org_name: string
  readonly role: 'chair' | 'expert' | 'observer' | 'presenter' | 'scribe'
  readonly came_at: string | null
  readonly busy: boolean
}

/** Who has tested his devices in the waiting room, and what the test said. */
export type Seen = {
  readonly account: string
  readonly name: string
  readonly at: string
  readonly camera: boolean
  readonly microphone: boolean
  readonly rtt_ms: number | null
  readonly way: 'direct' | 'none' | 'sound' | 'turn_tcp' | 'turn_tls' | 'turn_udp' | null
}

/** One thing that is said, and what it is about: a page that shows the numbers in a table leaves that one out. */
export type Sentence = {
  readonly about: 'findings' | 'numbers' | 'quality' | 'rhythm' | 'st' | 'swap' | 't' | 'whole'
  readonly zh: string
  readonly en: string
}

/** slot_min: how long one consultation takes. notice_min: how long before it a slot can still be booked. */
export type SetHours = {
  readonly slot_min: number
  readonly notice_min: number
  readonly weekly: readonly WeeklyHours[]
}

/** `count` of `of`, with Wilson's interval at 95 %; the three are None where there is nothing to divide by. */
export type Share = {
  readonly count: number
  readonly of: number
  readonly share: number | null
  readonly low: number | null
  readonly high: number | null
}

/** Which stretch of which recording everybody looks at, in sample-index coordinates. `rev` is the hub's: the higher one wins on every screen. */
export type SharedView = {
  readonly recording: string
  readonly layout: string
  readonly first: number
  readonly end: number
  readonly speed: number
  readonly gain: number
  readonly presenter: string
  readonly rev?: number
}

/** Who is on call for a reading centre, on which line (1 first, 2 second, 3 head of shift), from when to when. */
export type Shift = {
  readonly id: string
  readonly centre: string
  readonly line: number
  readonly account: string
  readonly name: string
  readonly from_at: string
  readonly to_at: string
}

export type SignIn = {
  readonly login: string
  readonly password: string
}

/** What is signed is what was on the screen: the whole text comes with the command. `lowered_reason` is asked when a machine-critical ECG is graded lower. */
export type SignReport = {
  readonly statements: readonly Statement[]
  readonly grade: 'critical' | 'normal' | 'unassessed' | 'warning'
  readonly measurements?: readonly EditedMeasurement[]
  readonly note?: string
  readonly lowered_reason?: string
}

export type Sitting = {
  readonly number: number
  readonly state: string
  readonly agenda: string
  readonly at: string | null
  readonly minutes: number
  readonly opened_at: string | null
  readonly closed_at: string | null
  readonly interim: string
  readonly seats: readonly SeatView[]
  readonly record: Minutes | null
  readonly opinions: readonly string[]
  readonly events: readonly string[]
}

/** may_plan: this viewer is the chair, and the case goes on. */
export type Sittings = {
  readonly sittings: readonly Sitting[]
  readonly may_plan: boolean
}

/** The specialties in which somebody answers consultations. None: he is asked for any, after those who named it. */
export type Skills = {
  readonly specialties: readonly ('cardiology' | 'critical_care' | 'emergency' | 'endocrine' | 'general' | 'neurology' | 'neurosurgery' | 'obstetrics' | 'paediatrics' | 'respiratory')[]
}

/** A free time of one expert. `clinic`: the next free place of a visiting clinic, `place` its number there. */
export type Slot = {
  readonly expert: string
  readonly name: string
  readonly title: string
  readonly org: string
  readonly org_name: string
  readonly from_at: string
  readonly to_at: string
  readonly fits: boolean
  readonly clinic?: string | null
  readonly place?: number | null
}

/** In order of time. `more`: there were more of them than are sent. */
export type Slots = {
  readonly slots: readonly Slot[]
  readonly more: boolean
}

/** from_day: local, today when empty. Empty org, expert: anybody's. */
export type SlotsQuery = {
  readonly specialty?: 'cardiology' | 'critical_care' | 'emergency' | 'endocrine' | 'general' | 'neurology' | 'neurosurgery' | 'obstetrics' | 'paediatrics' | 'respiratory'
  readonly title?: 'any' | 'associate_chief' | 'attending' | 'chief'
  readonly org?: string
  readonly expert?: string
  readonly from_day?: string
  readonly days?: number
}

/** What was whispered in the room: a view, the floor, marks, a pointer. by: its account, or "" for the hub. */
export type StageWord = {
  readonly ms: number
  readonly by: string
  readonly said: unknown
}

/** A line of the conclusion: a code of the catalogue, or free text (code null), with the reader's words. */
export type Statement = {
  readonly code: string | null
  readonly text: string
}

/** `patient`: whose they are; else the number in the file names one of the sender's own institution. */
export type StowQuery = {
  readonly patient?: string
  readonly confirmed?: boolean
}

/** A suspected exchange of electrodes. code LEAD_REVERSAL_LA_RA, LEAD_REVERSAL_OTHER or PRECORDIAL_MISPLACEMENT. electrodes those to check: RA LA RL LL V1 to V6. leads the leads that do not show what their names say. differs how far the beats differ as they are (1 - cosine); left: how far when the exchange is taken back. */
export type Swap = {
  readonly code: string
  readonly electrodes: readonly string[]
  readonly leads: readonly string[]
  readonly differs: number
  readonly left: number
}

/** One item of the conclusion's advice, and what the treating doctor did with it. done None: not said yet. */
export type Task = {
  readonly number: number
  readonly text: string
  readonly done: boolean | null
  readonly note: string
  readonly by_name: string
  readonly at: string | null
}

/** What a thread is about. `name` of the patient or the institution, empty when unknown. */
export type ThreadAbout = {
  readonly kind: 'alert' | 'consult' | 'patient' | 'recording' | 'site'
  readonly name: string
  readonly place: string
  readonly note?: string
}

/** A thread in the inbox. `mine`: he wrote in it, was named, belongs to it or it is of his own institution. */
export type ThreadLine = {
  readonly id: string
  readonly about: ThreadAbout
  readonly last: Message
  readonly unread: number
  readonly named: number
  readonly mine: boolean
}

/** Somebody who may see a thread, and so can be named in it. */
export type ThreadPerson = {
  readonly account: string
  readonly name: string
  readonly roles: readonly string[]
}

/** `version`: of the conclusion on the screen. `note`: what was done, or why not; the latter is needed. */
export type TickTask = {
  readonly version: number
  readonly number: number
  readonly done: boolean
  readonly note?: string
}

/** A single-use pass for the live connection, good for 30 s. */
export type Ticket = {
  readonly ticket: string
}

/** One expert whom the request reached. `why`: what put him before the others, the weightiest first. */
export type Turn = {
  readonly account: string
  readonly name: string
  readonly why: readonly ('duty' | 'load' | 'returned_it' | 'slot' | 'specialty' | 'title')[]
  readonly asked_at: string
  readonly due_at: string
  readonly outcome: 'accepted' | 'declined' | 'timed_out' | 'waiting' | 'withdrawn'
  readonly reason: string
}

/** Proof of the person before signing: the account's password again (a PIN or UKey later). */
export type Unlock = {
  readonly password: string
}

/** view: the ticket that opening the film gave. */
export type ViewQuery = {
  readonly view: string
}

/** For a slot on one of these local days; empty: today, and as far ahead as slots are offered. */
export type Wait = {
  readonly from_day?: string
  readonly to_day?: string
}

/** `place` of `length` on the list of one expert, by when they joined. */
export type Waiting = {
  readonly place: number
  readonly length: number
  readonly since: string
  readonly from_day: string
  readonly to_day: string
}

/** weekday: Monday is 0. Minutes from the local midnight, [from_min, to_min). */
export type WeeklyHours = {
  readonly weekday: number
  readonly from_min: number
  readonly to_min: number
}

/** A member whose picture a page wants, and how big it shows it. */
export type Wish = {
  readonly account: string
  readonly layer?: 'large' | 'small'
}

export type WithdrawMessage = {
  readonly reason: string
}

/** One page of rows in order: critical, urgent, soon, routine, then the longest wait. `cursor`: the event log's position this page reflects; subscribe to `org:<centre>` from here. */
export type Worklist = {
  readonly rows: readonly WorklistRow[]
  readonly counts: Readonly<Record<string, number>>
  readonly total: number
  readonly cursor: number
  readonly median_tat_s: number | null
}

export type WorklistQuery = {
  readonly view?: 'all' | 'mine' | 'returned' | 'signed_today' | 'urgent'
  readonly offset?: number
  readonly limit?: number
}

export type WorklistRow = {
  readonly recording: string
  readonly state: string
  readonly priority: 'critical' | 'routine' | 'soon' | 'urgent'
  readonly waiting_at: string
  readonly due_at: string
  readonly org: string
  readonly org_name: string
  readonly patient: Patient
  readonly symptoms: readonly string[]
  readonly urgency: 'emergency' | 'routine'
  readonly grade: 'critical' | 'normal' | 'unassessed' | 'warning'
  readonly machine_grade: string | null
  readonly machine: MachineSummary | null
  readonly claim: Claim | null
  readonly alert: string | null
  readonly alert_state: string | null
  readonly second?: Claim | null
}
