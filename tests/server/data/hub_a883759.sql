-- The tables of commit a883759 with the demonstration's people and one recording that waits in the worklist.
BEGIN TRANSACTION;
CREATE TABLE account (
	id TEXT NOT NULL, 
	login TEXT NOT NULL, 
	name TEXT NOT NULL, 
	title TEXT NOT NULL, 
	password TEXT NOT NULL, 
	active BOOLEAN NOT NULL, 
	failures INTEGER NOT NULL, 
	locked_until TEXT, 
	created_at TEXT NOT NULL, 
	last_sign_in_at TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (login)
);
INSERT INTO "account" VALUES('usr_01m825x0fs44nb9j1wq54ft7mj','clinic','马春兰','主治医师','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0ftfc3gpfk14p1xrdrm','reader','沈亦舟','副主任医师','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0ftdar1h0ps8x53gh1h','oncall','陆闻笙','主任医师','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z','2026-11-22T17:47:14.212Z');
INSERT INTO "account" VALUES('usr_01m825x0ftmew262p1k893c6p7','second','白若川','主任医师','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gv4emf28ssbhhmz15v','village','韩玉莲','乡村医生','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gv4ta935qhsgr9z09g','admin','顾明远','信息科','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gww0nxadxegtwxc77w','county','冶建军','主治医师','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gwzv4rc8myqggmekmp','head','罗世杰','主任医师','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gwjnq27pd4cys9cwr3','duty','赵广林','总值班','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gwfq9hb7n4xkqm0b25','shimen','王桂兰','主治医师','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gx4cd0j0a9mpdkq1c2','liugou','祁占海','主治医师','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gxfte413sxhs2r64pz','quality','田玉珍','质控员','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gxt06gszh43z8wcn51','xiahe','高德旺','乡村医生','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gxysbrk7qsp0zqwbmp','nanpo','杨玉珍','乡村医生','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gy0zbnh9nevrxqjn2r','beishan','李兰芳','乡村医生','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
INSERT INTO "account" VALUES('usr_01m825x0gysfekkpxnss0xra6f','songlin','王克俭','乡村医生','$argon2id$v=19$m=65536,t=3,p=4$bI2PiUQqlpRWVTqIN9nS3Q$hPlzhPZFqp3NXAnhfPgofBs1Qib4TuxdEtchCwcuJtk',1,0,NULL,'2026-11-22T17:47:12.246Z',NULL);
CREATE TABLE alert (
	id TEXT NOT NULL, 
	recording TEXT NOT NULL, 
	org TEXT NOT NULL, 
	centre TEXT NOT NULL, 
	patient TEXT NOT NULL, 
	state TEXT NOT NULL, 
	finding TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	family TEXT NOT NULL, 
	raised_at TEXT NOT NULL, 
	ladder_at TEXT NOT NULL, 
	step INTEGER NOT NULL, 
	next_at TEXT, 
	decoys TEXT NOT NULL, 
	confirmed_by TEXT, 
	confirmed_at TEXT, 
	acknowledged_by TEXT, 
	acknowledged_at TEXT, 
	told_by TEXT, 
	told TEXT NOT NULL, 
	told_how TEXT NOT NULL, 
	told_read_back TEXT NOT NULL, 
	told_at TEXT, 
	action TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	closed_by TEXT, 
	closed_at TEXT, 
	refuted_by TEXT, 
	refuted_at TEXT, 
	refuted_reason TEXT NOT NULL, 
	expired_at TEXT, 
	superseded_by TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE alert_answer (
	id INTEGER NOT NULL, 
	alert TEXT NOT NULL, 
	account TEXT NOT NULL, 
	at TEXT NOT NULL, 
	finding TEXT NOT NULL, 
	patient TEXT NOT NULL, 
	"right" BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE alert_finding (
	recording TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	alert TEXT NOT NULL, 
	finding TEXT NOT NULL, 
	at TEXT NOT NULL, 
	PRIMARY KEY (recording, rule)
);
CREATE TABLE alert_page (
	alert TEXT NOT NULL, 
	step INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	sent_at TEXT NOT NULL, 
	delivered_at TEXT, 
	seen_at TEXT, 
	withdrawn_at TEXT, 
	PRIMARY KEY (alert, step, account)
);
CREATE TABLE analysis_result (
	id INTEGER NOT NULL, 
	recording TEXT NOT NULL, 
	at TEXT NOT NULL, 
	took_ms INTEGER NOT NULL, 
	profile TEXT NOT NULL, 
	grade TEXT, 
	result BLOB NOT NULL, 
	summary BLOB NOT NULL, 
	error TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "analysis_result" VALUES(1,'rec_01m825x0qy7qhtpny5p0bs1s7f','2026-11-22T17:47:22.002Z',9233,'xinlian-safe',NULL,X'',X'7B2261636365707461626C65223A66616C73652C2266696E64696E6773223A5B5D2C2276656E745F726174655F62706D223A6E756C6C2C2270725F6D73223A6E756C6C2C227172735F6D73223A6E756C6C2C2271745F6D73223A6E756C6C2C227174635F6D73223A6E756C6C2C226261645F6C65616473223A5B5D2C227374726970223A22222C226572726F72223A22616E616C797369732E6C6F7374227D','analysis.lost');
CREATE TABLE command (
	actor TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	at TEXT NOT NULL, 
	status INTEGER, 
	answer BLOB, 
	PRIMARY KEY (actor, "key")
);
CREATE TABLE consult (
	id TEXT NOT NULL, 
	recording TEXT NOT NULL, 
	alert TEXT, 
	requester TEXT NOT NULL, 
	requester_org TEXT NOT NULL, 
	invitee_org TEXT NOT NULL, 
	expert TEXT, 
	purpose TEXT NOT NULL, 
	summary TEXT NOT NULL, 
	priority TEXT NOT NULL, 
	consent TEXT NOT NULL, 
	state TEXT NOT NULL, 
	requested_at TEXT NOT NULL, 
	answered_at TEXT, 
	reason TEXT NOT NULL, 
	countersigned_by TEXT, 
	countersigned_at TEXT, 
	countersignature TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE consult_conclusion (
	consult TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	signed_by TEXT NOT NULL, 
	signed_at TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	signature TEXT NOT NULL, 
	PRIMARY KEY (consult, version)
);
CREATE TABLE consult_member (
	consult TEXT NOT NULL, 
	account TEXT NOT NULL, 
	org TEXT NOT NULL, 
	part TEXT NOT NULL, 
	PRIMARY KEY (consult, account)
);
CREATE TABLE cursor (
	reader TEXT NOT NULL, 
	event_id INTEGER NOT NULL, 
	PRIMARY KEY (reader)
);
CREATE TABLE dead_letter (
	event_id INTEGER NOT NULL, 
	reader TEXT NOT NULL, 
	at TEXT NOT NULL, 
	error TEXT NOT NULL, 
	PRIMARY KEY (event_id, reader)
);
CREATE TABLE device (
	id TEXT NOT NULL, 
	org TEXT NOT NULL, 
	model TEXT NOT NULL, 
	maker TEXT NOT NULL, 
	serial TEXT NOT NULL, 
	software TEXT NOT NULL, 
	fs INTEGER, 
	leads TEXT NOT NULL, 
	active INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	connected INTEGER NOT NULL, 
	last_seen_at TEXT, 
	last_ecg_at TEXT, 
	clock_offset_ms INTEGER, 
	clock_uncertainty_ms INTEGER, 
	clock_at TEXT, 
	calibrated_on TEXT, 
	refused TEXT, 
	added_at TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "device" VALUES('dev_county','org_county','模拟心电图机 SIM-12','心联','SIM12-1001','',NULL,'[]',1,'offline',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T17:47:12.246Z');
INSERT INTO "device" VALUES('dev_hewan','org_hewan','模拟心电图机 SIM-12','心联','SIM12-1002','',NULL,'[]',1,'offline',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T17:47:12.246Z');
INSERT INTO "device" VALUES('dev_shimen','org_shimen','模拟心电图机 SIM-12','心联','SIM12-1003','',NULL,'[]',1,'offline',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T17:47:12.246Z');
INSERT INTO "device" VALUES('dev_liugou','org_liugou','模拟心电图机 SIM-12','心联','SIM12-1004','xinlian-device/1',500,'["I","II","III","aVR","aVL","aVF","V1","V2","V3","V4","V5","V6"]',1,'offline',0,'2026-11-22T17:47:12.731Z','2026-11-22T17:47:12.620Z',0,1,'2026-11-22T17:47:12.504Z',NULL,NULL,'2026-11-22T17:47:12.246Z');
INSERT INTO "device" VALUES('dev_shanghe','org_shanghe','模拟心电图机 SIM-12','心联','SIM12-1005','',NULL,'[]',1,'offline',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T17:47:12.246Z');
INSERT INTO "device" VALUES('dev_xiahe','org_xiahe','模拟心电图机 SIM-12','心联','SIM12-1006','',NULL,'[]',1,'offline',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T17:47:12.246Z');
INSERT INTO "device" VALUES('dev_nanpo','org_nanpo','模拟心电图机 SIM-12','心联','SIM12-1007','',NULL,'[]',1,'offline',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T17:47:12.246Z');
INSERT INTO "device" VALUES('dev_beishan','org_beishan','模拟心电图机 SIM-12','心联','SIM12-1008','',NULL,'[]',1,'offline',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T17:47:12.246Z');
INSERT INTO "device" VALUES('dev_songlin','org_songlin','模拟心电图机 SIM-12','心联','SIM12-1009','',NULL,'[]',1,'offline',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T17:47:12.246Z');
CREATE TABLE device_key (
	id TEXT NOT NULL, 
	device TEXT NOT NULL, 
	"key" BLOB NOT NULL, 
	label TEXT NOT NULL, 
	added_at TEXT NOT NULL, 
	last_used_at TEXT, 
	revoked_at TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "device_key" VALUES('key_01m825x0kwxz106d1n9dpdmd2f','dev_county',X'25208915F09A22ECBB422F14CDB9B40342F6D045C2B8B2D2E8D04650B022B9A0','','2026-11-22T17:47:12.246Z',NULL,NULL);
INSERT INTO "device_key" VALUES('key_01m825x0kxbbhq13awhc0tdgrs','dev_hewan',X'7F50C33EDC4D4B553374B6E3E4850A6ECF5775469916123C558021C874DCD561','','2026-11-22T17:47:12.246Z',NULL,NULL);
INSERT INTO "device_key" VALUES('key_01m825x0kyhwcfj8tq4gp5hs9v','dev_shimen',X'B75FCF7821E473CF08CECA34FD5BD756353A064F4902F585EFCA91FD3D179A50','','2026-11-22T17:47:12.246Z',NULL,NULL);
INSERT INTO "device_key" VALUES('key_01m825x0kzrjme0e8ac6ahmg1z','dev_liugou',X'A8E40DC280889B7341C26950F8147C64FBBC1AC2AC5F73C3D3726B5C11535693','','2026-11-22T17:47:12.246Z','2026-11-22T17:47:12.488Z',NULL);
INSERT INTO "device_key" VALUES('key_01m825x0m036r3eyt1ghdnevgt','dev_shanghe',X'90A4FE721180F39EB3125CD0AF55AB706C2CECA899172FC71F0955D6563443A2','','2026-11-22T17:47:12.246Z',NULL,NULL);
INSERT INTO "device_key" VALUES('key_01m825x0m1xhjbn3vzmnv32v2t','dev_xiahe',X'2239C7A224A98E01A35497DD5A458DE7F87D016F3EF06B26C1CAD21F41FAA7A6','','2026-11-22T17:47:12.246Z',NULL,NULL);
INSERT INTO "device_key" VALUES('key_01m825x0m2agg6w92zc42rcyrq','dev_nanpo',X'86781FDABA1FE5E0052742F60C8882B9D16B58D6B78B7C389D667AD7948EBD50','','2026-11-22T17:47:12.246Z',NULL,NULL);
INSERT INTO "device_key" VALUES('key_01m825x0m3cr839s9wac8b4rr8','dev_beishan',X'EF075038E84D7ED570F25931DA24512815C10E9EF2239C9439B438ED73E3A8A3','','2026-11-22T17:47:12.246Z',NULL,NULL);
INSERT INTO "device_key" VALUES('key_01m825x0m56djz340pccscpw6t','dev_songlin',X'61D857340D9D12A38DB6C012CD511C2EA5D71D53897B00604513479277BC3C7B','','2026-11-22T17:47:12.246Z',NULL,NULL);
CREATE TABLE enrolment (
	id TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	org TEXT NOT NULL, 
	made_by TEXT NOT NULL, 
	made_at TEXT NOT NULL, 
	expires_at TEXT NOT NULL, 
	used_at TEXT, 
	device TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	org TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	body BLOB NOT NULL, 
	hash BLOB NOT NULL
);
CREATE TABLE lease (
	recording TEXT NOT NULL, 
	reader TEXT NOT NULL, 
	name TEXT NOT NULL, 
	beside INTEGER NOT NULL, 
	until_at TEXT NOT NULL, 
	PRIMARY KEY (recording, reader)
);
CREATE TABLE membership (
	account TEXT NOT NULL, 
	org TEXT NOT NULL, 
	role TEXT NOT NULL, 
	PRIMARY KEY (account, org, role)
);
INSERT INTO "membership" VALUES('usr_01m825x0fs44nb9j1wq54ft7mj','org_hewan','requesting_doctor');
INSERT INTO "membership" VALUES('usr_01m825x0fs44nb9j1wq54ft7mj','org_hewan','operator');
INSERT INTO "membership" VALUES('usr_01m825x0ftfc3gpfk14p1xrdrm','org_city','reader');
INSERT INTO "membership" VALUES('usr_01m825x0ftfc3gpfk14p1xrdrm','org_city','reviewer');
INSERT INTO "membership" VALUES('usr_01m825x0ftfc3gpfk14p1xrdrm','org_city','expert');
INSERT INTO "membership" VALUES('usr_01m825x0ftdar1h0ps8x53gh1h','org_city','on_call');
INSERT INTO "membership" VALUES('usr_01m825x0ftdar1h0ps8x53gh1h','org_city','expert');
INSERT INTO "membership" VALUES('usr_01m825x0ftmew262p1k893c6p7','org_city','on_call');
INSERT INTO "membership" VALUES('usr_01m825x0ftmew262p1k893c6p7','org_city','expert');
INSERT INTO "membership" VALUES('usr_01m825x0gv4emf28ssbhhmz15v','org_shanghe','village_doctor');
INSERT INTO "membership" VALUES('usr_01m825x0gv4emf28ssbhhmz15v','org_shanghe','operator');
INSERT INTO "membership" VALUES('usr_01m825x0gv4ta935qhsgr9z09g','org_city','admin');
INSERT INTO "membership" VALUES('usr_01m825x0gv4ta935qhsgr9z09g','org_city','auditor');
INSERT INTO "membership" VALUES('usr_01m825x0gww0nxadxegtwxc77w','org_county','requesting_doctor');
INSERT INTO "membership" VALUES('usr_01m825x0gww0nxadxegtwxc77w','org_county','expert');
INSERT INTO "membership" VALUES('usr_01m825x0gwzv4rc8myqggmekmp','org_city','on_call');
INSERT INTO "membership" VALUES('usr_01m825x0gwzv4rc8myqggmekmp','org_city','reviewer');
INSERT INTO "membership" VALUES('usr_01m825x0gwjnq27pd4cys9cwr3','org_city','general_duty');
INSERT INTO "membership" VALUES('usr_01m825x0gwfq9hb7n4xkqm0b25','org_shimen','requesting_doctor');
INSERT INTO "membership" VALUES('usr_01m825x0gwfq9hb7n4xkqm0b25','org_shimen','operator');
INSERT INTO "membership" VALUES('usr_01m825x0gx4cd0j0a9mpdkq1c2','org_liugou','requesting_doctor');
INSERT INTO "membership" VALUES('usr_01m825x0gx4cd0j0a9mpdkq1c2','org_liugou','operator');
INSERT INTO "membership" VALUES('usr_01m825x0gxfte413sxhs2r64pz','org_city','quality_officer');
INSERT INTO "membership" VALUES('usr_01m825x0gxfte413sxhs2r64pz','org_city','coordinator');
INSERT INTO "membership" VALUES('usr_01m825x0gxt06gszh43z8wcn51','org_xiahe','village_doctor');
INSERT INTO "membership" VALUES('usr_01m825x0gxt06gszh43z8wcn51','org_xiahe','operator');
INSERT INTO "membership" VALUES('usr_01m825x0gxysbrk7qsp0zqwbmp','org_nanpo','village_doctor');
INSERT INTO "membership" VALUES('usr_01m825x0gxysbrk7qsp0zqwbmp','org_nanpo','operator');
INSERT INTO "membership" VALUES('usr_01m825x0gy0zbnh9nevrxqjn2r','org_beishan','village_doctor');
INSERT INTO "membership" VALUES('usr_01m825x0gy0zbnh9nevrxqjn2r','org_beishan','operator');
INSERT INTO "membership" VALUES('usr_01m825x0gysfekkpxnss0xra6f','org_songlin','village_doctor');
INSERT INTO "membership" VALUES('usr_01m825x0gysfekkpxnss0xra6f','org_songlin','operator');
CREATE TABLE message (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	thread TEXT NOT NULL, 
	client_id TEXT NOT NULL, 
	author TEXT NOT NULL, 
	at TEXT NOT NULL, 
	text TEXT NOT NULL, 
	quote TEXT, 
	UNIQUE (id)
);
CREATE TABLE order_form (
	id TEXT NOT NULL, 
	org TEXT NOT NULL, 
	patient TEXT NOT NULL, 
	symptoms TEXT NOT NULL, 
	urgency TEXT NOT NULL, 
	device TEXT, 
	note TEXT NOT NULL, 
	ordered_by TEXT NOT NULL, 
	ordered_at TEXT NOT NULL, 
	recording TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE org (
	id TEXT NOT NULL, 
	parent TEXT, 
	level TEXT NOT NULL, 
	name TEXT NOT NULL, 
	name_en TEXT NOT NULL, 
	phone TEXT NOT NULL, 
	reading_centre TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "org" VALUES('org_city',NULL,'city','青禾市第一人民医院','Qinghe First People''s Hospital','0971-5550100','org_city');
INSERT INTO "org" VALUES('org_county','org_city','county','安川县人民医院','Anchuan County Hospital','0971-5550200',NULL);
INSERT INTO "org" VALUES('org_hewan','org_county','township','河湾镇卫生院','Hewan Township Clinic','0971-5550301',NULL);
INSERT INTO "org" VALUES('org_shimen','org_county','township','石门镇卫生院','Shimen Township Clinic','0971-5550302',NULL);
INSERT INTO "org" VALUES('org_liugou','org_county','township','柳沟乡卫生院','Liugou Township Clinic','0971-5550303',NULL);
INSERT INTO "org" VALUES('org_shanghe','org_hewan','village','上河村卫生室','Shanghe Village Clinic','0971-5550401',NULL);
INSERT INTO "org" VALUES('org_xiahe','org_hewan','village','下河村卫生室','Xiahe Village Clinic','0971-5550402',NULL);
INSERT INTO "org" VALUES('org_nanpo','org_shimen','village','南坡村卫生室','Nanpo Village Clinic','0971-5550403',NULL);
INSERT INTO "org" VALUES('org_beishan','org_shimen','village','北山村卫生室','Beishan Village Clinic','0971-5550404',NULL);
INSERT INTO "org" VALUES('org_songlin','org_liugou','village','松林村卫生室','Songlin Village Clinic','0971-5550405',NULL);
CREATE TABLE patient (
	id TEXT NOT NULL, 
	org TEXT NOT NULL, 
	name TEXT NOT NULL, 
	sex TEXT NOT NULL, 
	age_years INTEGER, 
	birth_date TEXT, 
	id_no TEXT NOT NULL, 
	identity TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "patient" VALUES('pat_01m825x0qyk11853d7sb3tzvvb','org_liugou','马德福','M',58,NULL,'','known');
CREATE TABLE recording (
	id TEXT NOT NULL, 
	uid TEXT NOT NULL, 
	device TEXT NOT NULL, 
	org TEXT NOT NULL, 
	org_name TEXT NOT NULL, 
	centre TEXT NOT NULL, 
	patient TEXT NOT NULL, 
	order_form TEXT, 
	state TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	urgency TEXT NOT NULL, 
	symptoms TEXT NOT NULL, 
	note TEXT NOT NULL, 
	fs FLOAT NOT NULL, 
	leads TEXT NOT NULL, 
	samples INTEGER NOT NULL, 
	sha256 TEXT, 
	blob TEXT, 
	started_at TEXT, 
	clock_offset_ms INTEGER, 
	clock_uncertainty_ms INTEGER, 
	original TEXT, 
	original_sha256 TEXT, 
	original_name TEXT, 
	format TEXT, 
	notes TEXT NOT NULL, 
	derived TEXT NOT NULL, 
	glance BLOB, 
	opened_at TEXT NOT NULL, 
	received_at TEXT, 
	grade TEXT NOT NULL, 
	machine_grade TEXT, 
	machine BLOB, 
	reader TEXT, 
	reader_name TEXT, 
	return_reason TEXT, 
	returned_note TEXT, 
	return_leads TEXT NOT NULL, 
	report TEXT, 
	impression TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "recording" VALUES('rec_01m825x0qy7qhtpny5p0bs1s7f','b7a0850667cb909d1ac81c0b22f32518','dev_liugou','org_liugou','柳沟乡卫生院','org_city','pat_01m825x0qyk11853d7sb3tzvvb',NULL,'waiting','resting','routine','["chest_pain"]','',500.0,'["I","II","III","aVR","aVL","aVF","V1","V2","V3","V4","V5","V6"]',5000,'133039c842aef347c3121eaa7628412873352dcb92159b7c38a47b38d84bfa1d','recordings/rec_01m825x0qy7qhtpny5p0bs1s7f.xlecg','2026-11-22T17:47:02.455Z',0,1,NULL,NULL,NULL,NULL,'[]','[]',NULL,'2026-11-22T17:47:12.509Z','2026-11-22T17:47:12.620Z','unassessed',NULL,X'7B2261636365707461626C65223A66616C73652C2266696E64696E6773223A5B5D2C2276656E745F726174655F62706D223A6E756C6C2C2270725F6D73223A6E756C6C2C227172735F6D73223A6E756C6C2C2271745F6D73223A6E756C6C2C227174635F6D73223A6E756C6C2C226261645F6C65616473223A5B5D2C227374726970223A22222C226572726F72223A22616E616C797369732E6C6F7374222C2273616964223A7B7D2C226D656E64223A7B7D7D',NULL,NULL,NULL,NULL,'[]',NULL,'[]');
CREATE TABLE report (
	id TEXT NOT NULL, 
	recording TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	author TEXT NOT NULL, 
	author_name TEXT NOT NULL, 
	saved_at TEXT NOT NULL, 
	signed_at TEXT, 
	content BLOB NOT NULL, 
	digest TEXT, 
	signature TEXT, 
	replaces TEXT, 
	replaced_by TEXT, 
	reason TEXT NOT NULL, 
	pdf_at TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE row_alert (
	alert TEXT NOT NULL, 
	recording TEXT NOT NULL, 
	state TEXT NOT NULL, 
	event_id INTEGER NOT NULL, 
	PRIMARY KEY (alert, recording)
);
CREATE TABLE session (
	token TEXT NOT NULL, 
	account TEXT NOT NULL, 
	started_at TEXT NOT NULL, 
	used_at TEXT NOT NULL, 
	unlocked_until TEXT, 
	PRIMARY KEY (token)
);
CREATE TABLE shift (
	id TEXT NOT NULL, 
	centre TEXT NOT NULL, 
	line INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	from_at TEXT NOT NULL, 
	to_at TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE timer (
	id INTEGER NOT NULL, 
	due_at TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	org TEXT NOT NULL, 
	body BLOB NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE worklist (
	recording TEXT NOT NULL, 
	org TEXT NOT NULL, 
	centre TEXT NOT NULL, 
	place TEXT NOT NULL, 
	rank INTEGER NOT NULL, 
	waiting_at TEXT NOT NULL, 
	due_at TEXT NOT NULL, 
	moved_at TEXT NOT NULL, 
	tat_s FLOAT, 
	returned_leads TEXT NOT NULL, 
	PRIMARY KEY (recording)
);
INSERT INTO "worklist" VALUES('rec_01m825x0qy7qhtpny5p0bs1s7f','org_liugou','org_city','open',3,'2026-11-22T17:47:12.620Z','2026-11-22T18:17:12.620Z','2026-11-22T17:47:22.049Z',NULL,'[]');
CREATE INDEX event_topic ON event (topic, id);
CREATE INDEX event_subject ON event (subject, id);
CREATE INDEX timer_due ON timer (due_at);
CREATE INDEX timer_subject ON timer (subject, kind);
CREATE INDEX alert_org ON alert (org, raised_at);
CREATE INDEX alert_patient ON alert (patient, family, raised_at);
CREATE INDEX alert_state ON alert (state, raised_at);
CREATE INDEX alert_finding_alert ON alert_finding (alert, at);
CREATE INDEX alert_page_account ON alert_page (account, alert);
CREATE INDEX alert_answer_alert ON alert_answer (alert, account);
CREATE INDEX membership_org ON membership (org, role);
CREATE INDEX session_account ON session (account);
CREATE INDEX shift_centre ON shift (centre, line, from_at);
CREATE INDEX device_org ON device (org);
CREATE INDEX device_key_device ON device_key (device);
CREATE INDEX enrolment_expires ON enrolment (expires_at);
CREATE INDEX patient_id_no ON patient (id_no);
CREATE INDEX order_open ON order_form (org, recording, ordered_at);
CREATE INDEX recording_original ON recording (original_sha256);
CREATE UNIQUE INDEX recording_uid ON recording (uid);
CREATE INDEX recording_org ON recording (org, opened_at);
CREATE INDEX recording_patient ON recording (patient, opened_at);
CREATE INDEX recording_blob ON recording (sha256);
CREATE INDEX analysis_result_recording ON analysis_result (recording, id);
CREATE INDEX consult_recording ON consult (recording);
CREATE INDEX consult_requester ON consult (requester_org, state);
CREATE INDEX consult_invitee ON consult (invitee_org, state);
CREATE INDEX consult_member_account ON consult_member (account);
CREATE INDEX worklist_open ON worklist (centre, place, rank, waiting_at, recording);
CREATE INDEX worklist_moved ON worklist (centre, place, moved_at DESC, recording, tat_s);
CREATE INDEX lease_reader ON lease (reader, until_at);
CREATE INDEX row_alert_recording ON row_alert (recording);
CREATE INDEX report_recording ON report (recording, version DESC);
CREATE UNIQUE INDEX report_draft ON report (recording, author) WHERE state = 'draft';
CREATE UNIQUE INDEX report_version ON report (recording, version) WHERE version > 0;
CREATE TRIGGER report_stays_update BEFORE UPDATE ON report WHEN OLD.state <> 'draft' AND (NEW.id IS NOT OLD.id OR NEW.recording IS NOT OLD.recording OR NEW.version IS NOT OLD.version OR NEW.author IS NOT OLD.author OR NEW.author_name IS NOT OLD.author_name OR NEW.signed_at IS NOT OLD.signed_at OR NEW.content IS NOT OLD.content OR NEW.digest IS NOT OLD.digest OR NEW.signature IS NOT OLD.signature OR NEW.replaces IS NOT OLD.replaces OR NEW.reason IS NOT OLD.reason OR NEW.state = 'draft') BEGIN SELECT RAISE(ABORT, 'a signed report does not change'); END;
CREATE TRIGGER report_stays_delete BEFORE DELETE ON report WHEN OLD.state <> 'draft' AND (1) BEGIN SELECT RAISE(ABORT, 'a signed report does not change'); END;
CREATE INDEX message_thread ON message (thread, seq);
CREATE UNIQUE INDEX message_client ON message (author, client_id);
COMMIT;
