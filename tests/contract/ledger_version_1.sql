BEGIN TRANSACTION;
CREATE TABLE attempts (
	seq INTEGER NOT NULL, 
	item_id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	batch_id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	credits INTEGER NOT NULL, 
	counted INTEGER NOT NULL, 
	host_id VARCHAR(64) NOT NULL, 
	boot_id VARCHAR(64) NOT NULL, 
	intent_at DATETIME NOT NULL, 
	intent_s FLOAT NOT NULL, 
	deadline_s FLOAT NOT NULL, 
	sending_at DATETIME, 
	sending_s FLOAT, 
	answered_at DATETIME, 
	answered_s FLOAT, 
	sent_sha256 VARCHAR(64), 
	http_status INTEGER, 
	error_name VARCHAR(64), 
	message TEXT, 
	raw BLOB, 
	verdict VARCHAR(32), 
	evidence JSON, 
	worker VARCHAR(64), 
	lease_until_s FLOAT, 
	PRIMARY KEY (seq), 
	FOREIGN KEY(item_id) REFERENCES items (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id), 
	FOREIGN KEY(batch_id) REFERENCES batches (id)
);
INSERT INTO "attempts" VALUES(1,1,1,1,'accepted',1,1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.543817',35691.869398694,3.57535839086939959087e+04,'2026-11-23 02:38:19.543817',35691.869398694,'2026-11-23 02:38:19.599676',35691.922438182,'e5db22a63f57b34b00f9d7ab27642524c32d45e4cf5ff12a3cb829b10320e645',200,NULL,'',X'7B226F6B223A20747275652C20226A6F624964223A2022356232393935356539366364336236383065666639326664227D',NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(2,2,1,1,'accepted',1,1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.563919',35691.889500879,35753.494850879,'2026-11-23 02:38:19.563919',35691.889500879,'2026-11-23 02:38:19.657079',35691.930155198,'8635272772a3be5da4d581baa9a58b783d2dc478336e32b520e110c0e3f7dbeb',200,NULL,'',X'7B226F6B223A20747275652C20226A6F624964223A2022333939653865613439313233343363666661663037366565227D',NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(3,3,1,1,'accepted',1,1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.568005',35691.893588718,35753.859768718,'2026-11-23 02:38:19.568005',35691.893588718,'2026-11-23 02:38:19.670855',35691.955085352,'25627427b5722abfeed6659105f70e03ee3a661bb60974726c7d41ebe4769607',200,NULL,'',X'7B226F6B223A20747275652C20226A6F624964223A2022373164343036396465396661383662393433613539373935227D',NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(4,4,1,1,'accepted',1,1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.578929',35691.90451182,3.57543983318200043878e+04,'2026-11-23 02:38:19.578929',35691.90451182,'2026-11-23 02:38:19.678107',35691.967407764,'fad02a6758ff9cccd17a033da655aa53ee937fbc291d233af9c26e9a7dc1a1b7',200,NULL,'',X'7B226F6B223A20747275652C20226A6F624964223A2022653763663565626233663462323435316135313261303238227D',NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(5,5,1,1,'accepted',2,2,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.589922',35691.915504443,35754.080514443,'2026-11-23 02:38:19.589922',35691.915504443,'2026-11-23 02:38:19.689081',35691.981580084,'1bccdbfa7b1dc96b17b072b2cdec0bb829a52487416f686e5bc50c80191a1f8a',200,NULL,'',X'7B226F6B223A20747275652C20226A6F624964223A2022326161373165373435643863373534303461623232383065227D',NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(6,6,1,1,'accepted',1,1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.645887',35691.971468951,35754.171038951,'2026-11-23 02:38:19.645887',35691.971468951,'2026-11-23 02:38:19.708629',35692.004986284,'3101c11f763329441333bea2c18719b540f104f0c82506120716b467369cb01a',200,NULL,'',X'7B226F6B223A20747275652C20226A6F624964223A2022656630653362386663316235303532643631636135353932227D',NULL,NULL,NULL,NULL);
CREATE TABLE balance_reads (
	id INTEGER NOT NULL, 
	run_id INTEGER, 
	key_fingerprint VARCHAR(64) NOT NULL, 
	sent_at DATETIME NOT NULL, 
	received_at DATETIME NOT NULL, 
	on_demand INTEGER NOT NULL, 
	subscription INTEGER NOT NULL, 
	purchased INTEGER NOT NULL, 
	reserved INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "balance_reads" VALUES(1,1,'7bba47ced760a5fa','2026-11-23 02:38:19.400562','2026-11-23 02:38:19.450622',1000000,0,1000000,0);
INSERT INTO "balance_reads" VALUES(2,1,'7bba47ced760a5fa','2026-11-23 02:38:19.842540','2026-11-23 02:38:19.859804',999993,0,999995,2);
INSERT INTO "balance_reads" VALUES(3,1,'7bba47ced760a5fa','2026-11-23 02:38:19.887921','2026-11-23 02:38:19.943161',999993,0,999993,0);
INSERT INTO "balance_reads" VALUES(4,1,'7bba47ced760a5fa','2026-11-23 02:38:20.010570','2026-11-23 02:38:20.022179',999993,0,999993,0);
INSERT INTO "balance_reads" VALUES(5,1,'7bba47ced760a5fa','2026-11-23 02:38:21.121467','2026-11-23 02:38:21.124315',999993,0,999993,0);
CREATE TABLE baselines (
	id INTEGER NOT NULL, 
	read_id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	last_attempt_seq INTEGER NOT NULL, 
	key_fingerprint VARCHAR(64) NOT NULL, 
	made_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(read_id) REFERENCES balance_reads (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "baselines" VALUES(1,1,1,0,'7bba47ced760a5fa','2026-11-23 02:38:19.465773');
CREATE TABLE batches (
	id INTEGER NOT NULL, 
	manifest_id INTEGER NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(manifest_id) REFERENCES manifests (id)
);
INSERT INTO "batches" VALUES(1,1,'2026-11-23 02:38:19.158352','2026-11-23 02:38:21.141727');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	run_id INTEGER, 
	item_id INTEGER, 
	row_id INTEGER, 
	attempt_seq INTEGER, 
	kind VARCHAR(40) NOT NULL, 
	detail JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id), 
	FOREIGN KEY(item_id) REFERENCES items (id), 
	FOREIGN KEY(row_id) REFERENCES rows (id), 
	FOREIGN KEY(attempt_seq) REFERENCES attempts (seq)
);
CREATE TABLE files (
	id INTEGER NOT NULL, 
	row_id INTEGER NOT NULL, 
	output_id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	written_at DATETIME NOT NULL, 
	superseded BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (row_id, output_id), 
	FOREIGN KEY(row_id) REFERENCES rows (id), 
	FOREIGN KEY(output_id) REFERENCES outputs (id)
);
INSERT INTO "files" VALUES(1,2,2,'night/images/striped-tee-kenji.png','2026-11-23 02:38:20.949786',0);
INSERT INTO "files" VALUES(2,3,1,'night/images/sun-tee-mateo.png','2026-11-23 02:38:21.018692',0);
INSERT INTO "files" VALUES(3,1,5,'night/images/striped-tee-amara.png','2026-11-23 02:38:21.053120',0);
INSERT INTO "files" VALUES(4,5,4,'night/images/red-dress-lena-2.png','2026-11-23 02:38:21.056127',0);
INSERT INTO "files" VALUES(5,5,3,'night/images/red-dress-lena-1.png','2026-11-23 02:38:21.060169',0);
INSERT INTO "files" VALUES(6,6,6,'night/images/red-dress-amara.png','2026-11-23 02:38:21.115517',0);
INSERT INTO "files" VALUES(7,4,7,'night/images/sun-tee-collins.png','2026-11-23 02:38:21.119975',0);
CREATE TABLE items (
	id INTEGER NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	take INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	options JSON NOT NULL, 
	sources JSON NOT NULL, 
	credits INTEGER NOT NULL, 
	images INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	failures INTEGER NOT NULL, 
	error_name VARCHAR(64), 
	error_message TEXT, 
	created_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (fingerprint)
);
INSERT INTO "items" VALUES(1,'a064b89601c34f9d11386f472193ec790481af06e77a2dfe7ec8ff1c69e74736',1,'clothes','{"num_samples": 1, "output_format": "png", "category": "tops"}','{"model_image": {"form": "file", "text": "/studio/pictures/people/amara.jpg", "digest": "sha256:16cbbcbe08a20696fa98fe146b6f84513754fff6d67a62f663401836dfb133db", "size": 57744}, "garment_image": {"form": "file", "text": "/studio/pictures/garments/striped-tee.jpg", "digest": "sha256:2deb51ce27211d159f3aa270f0e55ab8de45b54be601104f1aa6f6d0b2657795", "size": 70739}}',1,1,'done',0,NULL,NULL,'2026-11-23 02:38:19.176982','2026-11-23 02:38:21.053741');
INSERT INTO "items" VALUES(2,'a637008d18c42edd4d5c95295da0577b697e496f47ec9947c8929e0dd3746344',1,'clothes','{"num_samples": 1, "output_format": "png", "category": "tops"}','{"model_image": {"form": "file", "text": "/studio/pictures/people/kenji.jpg", "digest": "sha256:9909b7cbe382fc3265f1aedad3007dbc8fdda369bc1d5ccc41d257fc17c74d53", "size": 49555}, "garment_image": {"form": "file", "text": "/studio/pictures/garments/striped-tee.jpg", "digest": "sha256:2deb51ce27211d159f3aa270f0e55ab8de45b54be601104f1aa6f6d0b2657795", "size": 70739}}',1,1,'done',0,NULL,NULL,'2026-11-23 02:38:19.176982','2026-11-23 02:38:20.954934');
INSERT INTO "items" VALUES(3,'936b726f7531d22de3d9e681bae3ea45b972cb938734b92c6af805fadba0814b',1,'clothes','{"num_samples": 1, "output_format": "png", "category": "tops"}','{"model_image": {"form": "file", "text": "/studio/pictures/people/mateo.jpg", "digest": "sha256:ed8f6f8634484d47ae591da67dcc9270b523e1042ac5ad876ce2568e77fb0b1e", "size": 54283}, "garment_image": {"form": "file", "text": "/studio/pictures/garments/sun-tee.png", "digest": "sha256:b8d953c893649c57ebadf40da4031dd092ae5c9d508333878bde2293ffd8da48", "size": 93074}}',1,1,'done',0,NULL,NULL,'2026-11-23 02:38:19.176982','2026-11-23 02:38:21.019325');
INSERT INTO "items" VALUES(4,'e67930077ff8b677960a7579ec14c50bc44439515bfce98729cfe7d8b73e92c2',1,'clothes','{"num_samples": 1, "output_format": "png", "category": "tops"}','{"model_image": {"form": "file", "text": "/studio/pictures/photos/eileen-collins.jpg", "digest": "sha256:de49b3df0083ef798bd38a6e76aa2e8324763df7f3f944c833081abe3bb8fa2d", "size": 93857}, "garment_image": {"form": "file", "text": "/studio/pictures/garments/sun-tee.png", "digest": "sha256:b8d953c893649c57ebadf40da4031dd092ae5c9d508333878bde2293ffd8da48", "size": 93074}}',1,1,'done',0,NULL,NULL,'2026-11-23 02:38:19.176982','2026-11-23 02:38:21.120576');
INSERT INTO "items" VALUES(5,'3a589a236ff457cb737b1610e78497e2f65d78b5af43e472ce1410b02aa95a64',1,'clothes','{"num_samples": 2, "output_format": "png", "category": "one-pieces"}','{"model_image": {"form": "file", "text": "/studio/pictures/people/lena.jpg", "digest": "sha256:5bff0674765e603de4e308219aaae16db76a36532a5d45d2c38127dad08947be", "size": 55151}, "garment_image": {"form": "file", "text": "/studio/pictures/garments/red-dress.jpg", "digest": "sha256:7cd3ce2e47f9331ce717cc46ed333419656f6e39ed3020b98018c07a68110c55", "size": 107115}}',2,2,'done',0,NULL,NULL,'2026-11-23 02:38:19.176982','2026-11-23 02:38:21.060765');
INSERT INTO "items" VALUES(6,'d50781c32f6b20001754568bd018188c69c766aa526514a8d50b8c42543081b0',1,'clothes','{"num_samples": 1, "output_format": "png", "category": "one-pieces"}','{"model_image": {"form": "file", "text": "/studio/pictures/people/amara.jpg", "digest": "sha256:16cbbcbe08a20696fa98fe146b6f84513754fff6d67a62f663401836dfb133db", "size": 57744}, "garment_image": {"form": "file", "text": "/studio/pictures/garments/red-dress.jpg", "digest": "sha256:7cd3ce2e47f9331ce717cc46ed333419656f6e39ed3020b98018c07a68110c55", "size": 107115}}',1,1,'done',0,NULL,NULL,'2026-11-23 02:38:19.176982','2026-11-23 02:38:21.116358');
CREATE TABLE jobs (
	id VARCHAR(255) NOT NULL, 
	item_id INTEGER NOT NULL, 
	attempt_seq INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	images INTEGER NOT NULL, 
	host_id VARCHAR(64) NOT NULL, 
	boot_id VARCHAR(64) NOT NULL, 
	accepted_at DATETIME NOT NULL, 
	accepted_s FLOAT NOT NULL, 
	ended_at DATETIME, 
	seconds FLOAT, 
	polls INTEGER NOT NULL, 
	error_name VARCHAR(64), 
	message TEXT, 
	raw BLOB, 
	PRIMARY KEY (id), 
	FOREIGN KEY(item_id) REFERENCES items (id), 
	UNIQUE (attempt_seq), 
	FOREIGN KEY(attempt_seq) REFERENCES attempts (seq)
);
INSERT INTO "jobs" VALUES('5b29955e96cd3b680eff92fd',1,1,'completed',1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.607956',35691.922438182,'2026-11-23 02:38:19.925217',0.327305222999712,4,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('399e8ea4912343cffaf076ee',2,2,'completed',1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.657813',35691.930155198,'2026-11-23 02:38:19.858674',2.52800217996991705149e-01,2,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('71d4069de9fa86b943a59795',3,3,'completed',1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.671796',35691.955085352,'2026-11-23 02:38:19.825355',1.95708527004171628504e-01,2,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('e7cf5ebb3f4b2451a512a028',4,4,'completed',1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.681243',35691.967407764,'2026-11-23 02:38:20.006948',3.64935468001931440085e-01,4,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('2aa71e745d8c75404ab2280e',5,5,'completed',2,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.698993',35691.981580084,'2026-11-23 02:38:19.915249',2.59082949996809475123e-01,4,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('ef0e3b8fc1b5052d61ca5592',6,6,'completed',1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001','2026-11-23 02:38:19.812346',35692.004986284,'2026-11-23 02:38:19.938801',2.59145183998043648898e-01,2,NULL,NULL,NULL);
CREATE TABLE leases (
	name VARCHAR(64) NOT NULL, 
	holder VARCHAR(128) NOT NULL, 
	host_id VARCHAR(64) NOT NULL, 
	boot_id VARCHAR(64) NOT NULL, 
	until_s FLOAT NOT NULL, 
	renewed_at DATETIME NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE manifests (
	id INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	folder TEXT NOT NULL, 
	columns JSON NOT NULL, 
	sync INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "manifests" VALUES(1,'night','/studio','["title", "sku", "price"]',1,'2026-11-23 02:38:19.153493');
CREATE TABLE meta (
	"key" VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','1');
INSERT INTO "meta" VALUES('uuid','4f42dfa8-f540-45e6-af08-0107ab737dc9');
INSERT INTO "meta" VALUES('epoch','1');
INSERT INTO "meta" VALUES('created_at','2026-11-23T02:38:18.382799+00:00');
INSERT INTO "meta" VALUES('origin','sandbox');
CREATE TABLE outputs (
	id INTEGER NOT NULL, 
	item_id INTEGER NOT NULL, 
	job_id VARCHAR(255) NOT NULL, 
	place INTEGER NOT NULL, 
	count INTEGER NOT NULL, 
	url TEXT NOT NULL, 
	expires_at DATETIME NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	sha256 VARCHAR(64), 
	size BIGINT, 
	format VARCHAR(16), 
	width INTEGER, 
	height INTEGER, 
	error_name VARCHAR(64), 
	message TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (job_id, place), 
	FOREIGN KEY(item_id) REFERENCES items (id), 
	FOREIGN KEY(job_id) REFERENCES jobs (id)
);
INSERT INTO "outputs" VALUES(1,3,'71d4069de9fa86b943a59795',0,1,'http://127.0.0.1:43899/outputs/71d4069de9fa86b943a59795/0.png','2026-11-26 02:38:19.679623','saved','dacf24f2df94d2b8633bd09eaf1645c0702a0c9392f6849a3ad1ad72df1bf5f7',339080,'png',864,1296,NULL,NULL);
INSERT INTO "outputs" VALUES(2,2,'399e8ea4912343cffaf076ee',0,1,'http://127.0.0.1:43899/outputs/399e8ea4912343cffaf076ee/0.png','2026-11-26 02:38:19.667722','saved','4a826c05f54ad0f3fa7bcd91c2890eb9d6dfba71f625b5dae3162a1eebb750dd',340105,'png',864,1296,NULL,NULL);
INSERT INTO "outputs" VALUES(3,5,'2aa71e745d8c75404ab2280e',0,2,'http://127.0.0.1:43899/outputs/2aa71e745d8c75404ab2280e/0.png','2026-11-26 02:38:19.704079','saved','44c60d60c60922577978456c2f313737e9797678598d88d2ada1f268988e986f',379925,'png',864,1296,NULL,NULL);
INSERT INTO "outputs" VALUES(4,5,'2aa71e745d8c75404ab2280e',1,2,'http://127.0.0.1:43899/outputs/2aa71e745d8c75404ab2280e/1.png','2026-11-26 02:38:19.704079','saved','ac1d7a33542c5bef854479dfb46aed73229a151a4fd11fb1873492c838f5fe7b',379986,'png',864,1296,NULL,NULL);
INSERT INTO "outputs" VALUES(5,1,'5b29955e96cd3b680eff92fd',0,1,'http://127.0.0.1:43899/outputs/5b29955e96cd3b680eff92fd/0.png','2026-11-26 02:38:19.647345','saved','3ca9db3f36b455bdeaab615544a119c571e1ddd9a3b02f8ab0fed95dd14f8575',376162,'png',864,1296,NULL,NULL);
INSERT INTO "outputs" VALUES(6,6,'ef0e3b8fc1b5052d61ca5592',0,1,'http://127.0.0.1:43899/outputs/ef0e3b8fc1b5052d61ca5592/0.png','2026-11-26 02:38:19.818319','saved','469115554a28aaf587004ae5db3154ee9fc825ccbdce4d18a792b02614a45276',395588,'png',864,1296,NULL,NULL);
INSERT INTO "outputs" VALUES(7,4,'e7cf5ebb3f4b2451a512a028',0,1,'http://127.0.0.1:43899/outputs/e7cf5ebb3f4b2451a512a028/0.png','2026-11-26 02:38:19.687949','saved','af2a71faa4557a65162c0c0bfe730b314d45c756e0840a989db4d86b97e4cff9',1044072,'png',864,1296,NULL,NULL);
CREATE TABLE rows (
	id INTEGER NOT NULL, 
	manifest_id INTEGER NOT NULL, 
	row_id VARCHAR(400) NOT NULL, 
	item_id INTEGER NOT NULL, 
	take INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	sync INTEGER NOT NULL, 
	columns JSON NOT NULL, 
	stem VARCHAR(160) NOT NULL, 
	stem_key VARCHAR(400) NOT NULL, 
	delivered BOOLEAN NOT NULL, 
	deliveries INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (manifest_id, row_id), 
	UNIQUE (manifest_id, stem_key), 
	FOREIGN KEY(manifest_id) REFERENCES manifests (id), 
	FOREIGN KEY(item_id) REFERENCES items (id)
);
INSERT INTO "rows" VALUES(1,1,'striped-tee-amara',1,1,1,1,'{"title": "Breton tee", "sku": "T-1001", "price": "29.00"}','striped-tee-amara','striped-tee-amara',1,1);
INSERT INTO "rows" VALUES(2,1,'striped-tee-kenji',2,1,2,1,'{"title": "Breton tee", "sku": "T-1001", "price": "29.00"}','striped-tee-kenji','striped-tee-kenji',1,1);
INSERT INTO "rows" VALUES(3,1,'sun-tee-mateo',3,1,3,1,'{"title": "Sunset tee, terracotta", "sku": "T-1002", "price": "32.00"}','sun-tee-mateo','sun-tee-mateo',1,1);
INSERT INTO "rows" VALUES(4,1,'sun-tee-collins',4,1,4,1,'{"title": "Sunset tee, terracotta", "sku": "T-1002", "price": "32.00"}','sun-tee-collins','sun-tee-collins',1,1);
INSERT INTO "rows" VALUES(5,1,'red-dress-lena',5,1,5,1,'{"title": "Summer dress \u201c\u00c9lodie\u201d", "sku": "D-2001", "price": "79.00"}','red-dress-lena','red-dress-lena',1,1);
INSERT INTO "rows" VALUES(6,1,'red-dress-amara',6,1,6,1,'{"title": "Summer dress \u201c\u00c9lodie\u201d", "sku": "D-2001", "price": "79.00"}','red-dress-amara','red-dress-amara',1,1);
CREATE TABLE runs (
	id INTEGER NOT NULL, 
	batch_id INTEGER NOT NULL, 
	manifest_id INTEGER NOT NULL, 
	host_id VARCHAR(64) NOT NULL, 
	boot_id VARCHAR(64) NOT NULL, 
	process INTEGER NOT NULL, 
	version VARCHAR(32) NOT NULL, 
	settings JSON NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	verdict TEXT, 
	exit_code INTEGER, 
	summary JSON, 
	PRIMARY KEY (id), 
	FOREIGN KEY(batch_id) REFERENCES batches (id), 
	FOREIGN KEY(manifest_id) REFERENCES manifests (id)
);
INSERT INTO "runs" VALUES(1,1,1,'aef23604f9eb0130','00000000-0000-4000-8000-000000000001',3165,'0.1.0','{"rate": "20/1.2s", "poll_rate": "300/1.2s", "concurrency": 6, "max_credits": null, "keep_credits": null, "changed": "keep", "on_unknown": "reconcile"}','2026-11-23 02:38:19.159367','2026-11-23 02:38:21.141727','all done',0,'{"manifest": "night", "verdict": "all done", "exit_code": 0, "run": 1, "rows": {"total": 6, "done": 6, "failed": 0, "unknown": 0, "expired": 0, "vanished": 0, "pending": 0, "in_flight": 0, "gone": 0}, "changed_waiting": 0, "credits": {"planned": 7, "spent": 7, "charged": 7, "at_risk": 0, "start": 1000000, "end": 999993, "unexplained": 0, "saved": 0}, "requests": {"submits": 6, "polls": 18, "downloads": 7, "rejected_429": 0}, "seconds": 2.746, "bound_by": "nothing", "waited": {}}');
CREATE INDEX ix_items_state ON items (state);
CREATE INDEX ix_batches_manifest_id ON batches (manifest_id);
CREATE INDEX rows_in_order ON rows (manifest_id, sync, position);
CREATE INDEX ix_rows_item_id ON rows (item_id);
CREATE INDEX ix_runs_manifest_id ON runs (manifest_id);
CREATE INDEX attempts_of_batch ON attempts (batch_id, counted);
CREATE INDEX ix_attempts_state ON attempts (state);
CREATE INDEX ix_attempts_item_id ON attempts (item_id);
CREATE INDEX attempts_answered ON attempts (boot_id, answered_s);
CREATE INDEX ix_balance_reads_run_id ON balance_reads (run_id);
CREATE INDEX ix_jobs_item_id ON jobs (item_id);
CREATE INDEX ix_jobs_state ON jobs (state);
CREATE INDEX ix_events_item_id ON events (item_id);
CREATE INDEX ix_events_row_id ON events (row_id);
CREATE INDEX outputs_waiting ON outputs (state, expires_at);
CREATE INDEX ix_outputs_item_id ON outputs (item_id);
CREATE INDEX ix_files_output_id ON files (output_id);
CREATE INDEX ix_files_row_id ON files (row_id);
COMMIT;
