BEGIN TRANSACTION;
CREATE TABLE activity_key (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	source_id TEXT NOT NULL, 
	period_start_s INTEGER NOT NULL, 
	period_end_s INTEGER NOT NULL, 
	superseded_by TEXT, 
	PRIMARY KEY (park_id, record_id)
)
 WITHOUT ROWID,
 STRICT

;
INSERT INTO "activity_key" VALUES('demo','tested','corrected',10,'gas',1609430400,1640966400,'waiting');
INSERT INTO "activity_key" VALUES('demo','tested','electricity-2020',1,'electricity',1577808000,1609430400,NULL);
INSERT INTO "activity_key" VALUES('demo','tested','electricity-2021',4,'electricity',1609430400,1640966400,NULL);
INSERT INTO "activity_key" VALUES('demo','tested','electricity-2022',7,'electricity',1640966400,1672502400,NULL);
INSERT INTO "activity_key" VALUES('demo','tested','gas-2020',2,'gas',1577808000,1609430400,NULL);
INSERT INTO "activity_key" VALUES('demo','tested','gas-2021',5,'gas',1609430400,1640966400,'corrected');
INSERT INTO "activity_key" VALUES('demo','tested','gas-2022',8,'gas',1640966400,1672502400,NULL);
INSERT INTO "activity_key" VALUES('demo','tested','oil-2020',3,'oil',1577808000,1609430400,NULL);
INSERT INTO "activity_key" VALUES('demo','tested','oil-2021',6,'oil',1609430400,1640966400,NULL);
INSERT INTO "activity_key" VALUES('demo','tested','oil-2022',9,'oil',1640966400,1672502400,NULL);
INSERT INTO "activity_key" VALUES('demo','tested','waiting',11,'gas',1609430400,1640966400,NULL);
CREATE TABLE activity_record (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	record_id TEXT NOT NULL, 
	source_id TEXT NOT NULL, 
	period_start_s INTEGER NOT NULL, 
	period_end_s INTEGER NOT NULL, 
	quantity_micro INTEGER NOT NULL, 
	unit TEXT NOT NULL, 
	basis_id TEXT NOT NULL, 
	emissions_mg INTEGER NOT NULL, 
	energy_mgce INTEGER NOT NULL, 
	first_month INTEGER NOT NULL, 
	last_month INTEGER NOT NULL, 
	supersedes TEXT NOT NULL, 
	recorded_time TEXT NOT NULL, 
	PRIMARY KEY (park_id, position, first_month), 
	CONSTRAINT activity_record_period CHECK (period_end_s > period_start_s)
)
 WITHOUT ROWID,
 STRICT

;
INSERT INTO "activity_record" VALUES('demo','tested',1,'electricity-2020','electricity',1577808000,1609430400,882077299000,'MWh','495f015d22b4feee9e93',512486910719000,108407300047100,202001,202012,'','2026-11-21T17:49:09.223388Z');
INSERT INTO "activity_record" VALUES('demo','tested',2,'gas-2020','gas',1577808000,1609430400,2676090200,'10k Nm3','2ccf5c99d7cb89e62d22',57277656936043,35591999660000,202001,202012,'','2026-11-21T17:49:09.223388Z');
INSERT INTO "activity_record" VALUES('demo','tested',3,'oil-2020','oil',1577808000,1609430400,103810000000,'t','a1d83593e0e14f1782fa',318109588011600,152600700000000,202001,202012,'','2026-11-21T17:49:09.223388Z');
INSERT INTO "activity_record" VALUES('demo','tested',4,'electricity-2021','electricity',1609430400,1640966400,971033360000,'MWh','495f015d22b4feee9e93',564170382160000,119339999944000,202101,202112,'','2026-11-21T17:49:09.223388Z');
INSERT INTO "activity_record" VALUES('demo','tested',5,'gas-2021','gas',1609430400,1640966400,2932330800,'10k Nm3','2ccf5c99d7cb89e62d22',62762098820658,38999999640000,202101,202112,'','2026-11-21T17:49:09.223388Z');
INSERT INTO "activity_record" VALUES('demo','tested',6,'oil-2021','oil',1609430400,1640966400,113374150000,'t','a1d83593e0e14f1782fa',347417437122294,166660000500000,202101,202112,'','2026-11-21T17:49:09.223388Z');
INSERT INTO "activity_record" VALUES('demo','tested',7,'electricity-2022','electricity',1640966400,1672502400,1052105126000,'MWh','495f015d22b4feee9e93',611273078206000,129303719985400,202201,202212,'','2026-11-21T17:49:09.223388Z');
INSERT INTO "activity_record" VALUES('demo','tested',8,'gas-2022','gas',1640966400,1672502400,2955789500,'10k Nm3','2ccf5c99d7cb89e62d22',63264196758450,39312000350000,202201,202212,'','2026-11-21T17:49:09.223388Z');
INSERT INTO "activity_record" VALUES('demo','tested',9,'oil-2022','oil',1640966400,1672502400,108152571000,'t','a1d83593e0e14f1782fa',331416720963350,158984279370000,202201,202212,'','2026-11-21T17:49:09.223388Z');
INSERT INTO "activity_record" VALUES('demo','tested',10,'corrected','gas',1609430400,1640966400,2900000000,'10k Nm3','2ccf5c99d7cb89e62d22',62070107022000,38570000000000,202101,202112,'gas-2021','2026-11-21T17:49:09.637255Z');
INSERT INTO "activity_record" VALUES('demo','tested',11,'waiting','gas',1609430400,1640966400,2950000000,'10k Nm3','2ccf5c99d7cb89e62d22',63140281281000,39235000000000,202101,202112,'corrected','2026-11-21T17:49:11.211238Z');
CREATE TABLE annual_figures (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	year INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	gross_output_10k_cny TEXT, 
	value_added_10k_cny TEXT, 
	gdp_10k_cny TEXT, 
	employees_persons TEXT, 
	land_area_km2 TEXT, 
	leading_industries_share_pct TEXT, 
	recorded_time TEXT NOT NULL, 
	PRIMARY KEY (park_id, year, version)
)
 STRICT

;
INSERT INTO "annual_figures" VALUES('demo','tested',2021,1,'9547000',NULL,NULL,NULL,NULL,NULL,'2026-11-21T17:49:09.081109Z');
CREATE TABLE basis (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	basis_id TEXT NOT NULL, 
	factor_set_id TEXT NOT NULL, 
	carrier TEXT NOT NULL, 
	gas TEXT NOT NULL, 
	unit TEXT NOT NULL, 
	emissions_numerator TEXT NOT NULL, 
	emissions_denominator TEXT NOT NULL, 
	energy_numerator TEXT NOT NULL, 
	energy_denominator TEXT NOT NULL, 
	factor_ids TEXT NOT NULL, 
	PRIMARY KEY (basis_id)
)
 STRICT

;
INSERT INTO "basis" VALUES('platform','','2ccf5c99d7cb89e62d22','wang-2024','natural_gas','CO2','10k Nm3','1070174259','50000','13300','1','ed4f0f41323b903377ce;e68d5ab8e1d2565e9fc8;f3ec9458bd3c174f188e;d7fe3ff6872f72dded4a');
INSERT INTO "basis" VALUES('platform','','495f015d22b4feee9e93','wang-2024','electricity','CO2','MWh','581','1','1229','10','4fc217eacb90076bd8a1;fff06986911af7afb089');
INSERT INTO "basis" VALUES('platform','','a1d83593e0e14f1782fa','wang-2024','refined_oil','CO2','t','76608609','25000','1470','1','5decf1942265ab82ee80;2d7918459c654632727d;6b6322a37817f85e40e0;e59281c359f44fa0a6eb');
CREATE TABLE emissions_sum (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	source_id TEXT NOT NULL, 
	first_month INTEGER NOT NULL, 
	last_month INTEGER NOT NULL, 
	emissions_mg INTEGER NOT NULL, 
	energy_mgce INTEGER NOT NULL, 
	covered_s INTEGER NOT NULL, 
	records INTEGER NOT NULL, 
	PRIMARY KEY (park_id, source_id, first_month, last_month)
)
 WITHOUT ROWID,
 STRICT

;
INSERT INTO "emissions_sum" VALUES('demo','tested','electricity',202001,202012,512486910719000,108407300047100,31622400,1);
INSERT INTO "emissions_sum" VALUES('demo','tested','electricity',202101,202112,564170382160000,119339999944000,31536000,1);
INSERT INTO "emissions_sum" VALUES('demo','tested','electricity',202201,202212,611273078206000,129303719985400,31536000,1);
INSERT INTO "emissions_sum" VALUES('demo','tested','gas',202001,202012,57277656936043,35591999660000,31622400,1);
INSERT INTO "emissions_sum" VALUES('demo','tested','gas',202101,202112,63140281281000,39235000000000,31536000,1);
INSERT INTO "emissions_sum" VALUES('demo','tested','gas',202201,202212,63264196758450,39312000350000,31536000,1);
INSERT INTO "emissions_sum" VALUES('demo','tested','oil',202001,202012,318109588011600,152600700000000,31622400,1);
INSERT INTO "emissions_sum" VALUES('demo','tested','oil',202101,202112,347417437122294,166660000500000,31536000,1);
INSERT INTO "emissions_sum" VALUES('demo','tested','oil',202201,202212,331416720963350,158984279370000,31536000,1);
CREATE TABLE enterprise (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	enterprise_id TEXT NOT NULL, 
	name_zh TEXT NOT NULL, 
	name_en TEXT NOT NULL, 
	industry_code TEXT NOT NULL, 
	credit_code TEXT NOT NULL, 
	registered_time TEXT NOT NULL, 
	PRIMARY KEY (park_id, enterprise_id)
)
 STRICT

;
INSERT INTO "enterprise" VALUES('demo','tested','mill','钢厂','Mill','C3120','','2026-11-21T17:49:08.998846Z');
CREATE TABLE factor (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	factor_id TEXT NOT NULL, 
	table_id TEXT NOT NULL, 
	quantity TEXT NOT NULL, 
	carrier TEXT NOT NULL, 
	gas TEXT NOT NULL, 
	region TEXT NOT NULL, 
	basis TEXT NOT NULL, 
	value TEXT NOT NULL, 
	unit TEXT NOT NULL, 
	valid_from TEXT NOT NULL, 
	valid_to TEXT NOT NULL, 
	published TEXT NOT NULL, 
	confidence TEXT NOT NULL, 
	source TEXT NOT NULL, 
	checked_where TEXT NOT NULL, 
	note TEXT NOT NULL, 
	PRIMARY KEY (factor_id)
)
 STRICT

;
INSERT INTO "factor" VALUES('platform','','2d7918459c654632727d','wang_2024','carbon_content','refined_oil','CO2','','','19.6','tC/TJ','2020-01-01','2023-01-01','2024-10-01','verified','王仲等《工业园区碳排放核算与“双碳”转型路径研究》, 南方能源建设 2024, 11(5), 表5, DOI 10.16516/j.ceec.2023-311','read in the text of the paper; the totals of table 6 recomputed from it within 0.1 % for 2020-2022','The text dates the paper 2024, 11(5) only; the fifth issue of a bimonthly closes with September, so it could be known by the first of October. Table 4 names this fuel 成品油(煤油), kerosene. Kerosene''s value in the other sets.');
INSERT INTO "factor" VALUES('platform','','4fc217eacb90076bd8a1','wang_2024','emission_factor','electricity','CO2','CN','average','0.581','tCO2/MWh','2020-01-01','2023-01-01','2024-10-01','verified','王仲等《工业园区碳排放核算与“双碳”转型路径研究》, 南方能源建设 2024, 11(5), 第4.3节, DOI 10.16516/j.ceec.2023-311','read in the text of the paper; the totals of table 6 recomputed from it within 0.1 % for 2020-2022','The text dates the paper 2024, 11(5) only; the fifth issue of a bimonthly closes with September, so it could be known by the first of October. Used for all three years as printed. The notice that the paper cites, 环办气候〔2021〕9号, prints 0.6101; 0.5810 was published in March 2022 for the accounting year 2021 (环办气候函〔2022〕111号). The set keeps what the paper used.');
INSERT INTO "factor" VALUES('platform','','5decf1942265ab82ee80','wang_2024','net_calorific_value','refined_oil','','','','43.07','GJ/t','2020-01-01','2023-01-01','2024-10-01','verified','王仲等《工业园区碳排放核算与“双碳”转型路径研究》, 南方能源建设 2024, 11(5), 表5, DOI 10.16516/j.ceec.2023-311','read in the text of the paper; the totals of table 6 recomputed from it within 0.1 % for 2020-2022','The text dates the paper 2024, 11(5) only; the fifth issue of a bimonthly closes with September, so it could be known by the first of October. Table 4 names this fuel 成品油(煤油), kerosene. The yearbook prints 43070 kJ/kg for gasoline and for kerosene alike.');
INSERT INTO "factor" VALUES('platform','','6b6322a37817f85e40e0','wang_2024','oxidation_rate','refined_oil','CO2','','','99','%','2020-01-01','2023-01-01','2024-10-01','verified','王仲等《工业园区碳排放核算与“双碳”转型路径研究》, 南方能源建设 2024, 11(5), 表5, DOI 10.16516/j.ceec.2023-311','read in the text of the paper; the totals of table 6 recomputed from it within 0.1 % for 2020-2022','The text dates the paper 2024, 11(5) only; the fifth issue of a bimonthly closes with September, so it could be known by the first of October. Table 4 names this fuel 成品油(煤油), kerosene. The 24 industry guidelines and the provincial guideline say 98.');
INSERT INTO "factor" VALUES('platform','','d7fe3ff6872f72dded4a','wang_2024','standard_coal','natural_gas','','','','1.33','kgce/Nm3','2020-01-01','2023-01-01','2024-10-01','verified','王仲等《工业园区碳排放核算与“双碳”转型路径研究》, 南方能源建设 2024, 11(5), 表4, DOI 10.16516/j.ceec.2023-311','read in the text of the paper; the totals of table 6 recomputed from it within 0.1 % for 2020-2022','The text dates the paper 2024, 11(5) only; the fifth issue of a bimonthly closes with September, so it could be known by the first of October. Table 4 prints kgce/m3; table 5 gives the same gas in Nm3, and its heating value fits that: 38931 kJ/Nm3 over 29307.6 kJ/kgce is 1.328.');
INSERT INTO "factor" VALUES('platform','','e59281c359f44fa0a6eb','wang_2024','standard_coal','refined_oil','','','','1.47','kgce/kg','2020-01-01','2023-01-01','2024-10-01','verified','王仲等《工业园区碳排放核算与“双碳”转型路径研究》, 南方能源建设 2024, 11(5), 表4, DOI 10.16516/j.ceec.2023-311','read in the text of the paper; the totals of table 6 recomputed from it within 0.1 % for 2020-2022','The text dates the paper 2024, 11(5) only; the fifth issue of a bimonthly closes with September, so it could be known by the first of October. Table 4 names this fuel 成品油(煤油), kerosene. GB/T 2589 prints 1.4714 for kerosene.');
INSERT INTO "factor" VALUES('platform','','e68d5ab8e1d2565e9fc8','wang_2024','carbon_content','natural_gas','CO2','','','15.3','tC/TJ','2020-01-01','2023-01-01','2024-10-01','verified','王仲等《工业园区碳排放核算与“双碳”转型路径研究》, 南方能源建设 2024, 11(5), 表5, DOI 10.16516/j.ceec.2023-311','read in the text of the paper; the totals of table 6 recomputed from it within 0.1 % for 2020-2022','The text dates the paper 2024, 11(5) only; the fifth issue of a bimonthly closes with September, so it could be known by the first of October.');
INSERT INTO "factor" VALUES('platform','','ed4f0f41323b903377ce','wang_2024','net_calorific_value','natural_gas','','','','389.31','GJ/10k_Nm3','2020-01-01','2023-01-01','2024-10-01','verified','王仲等《工业园区碳排放核算与“双碳”转型路径研究》, 南方能源建设 2024, 11(5), 表5, DOI 10.16516/j.ceec.2023-311','read in the text of the paper; the totals of table 6 recomputed from it within 0.1 % for 2020-2022','The text dates the paper 2024, 11(5) only; the fifth issue of a bimonthly closes with September, so it could be known by the first of October.');
INSERT INTO "factor" VALUES('platform','','f3ec9458bd3c174f188e','wang_2024','oxidation_rate','natural_gas','CO2','','','98','%','2020-01-01','2023-01-01','2024-10-01','verified','王仲等《工业园区碳排放核算与“双碳”转型路径研究》, 南方能源建设 2024, 11(5), 表5, DOI 10.16516/j.ceec.2023-311','read in the text of the paper; the totals of table 6 recomputed from it within 0.1 % for 2020-2022','The text dates the paper 2024, 11(5) only; the fifth issue of a bimonthly closes with September, so it could be known by the first of October. The 24 industry guidelines and the provincial guideline say 99.');
INSERT INTO "factor" VALUES('platform','','fff06986911af7afb089','wang_2024','standard_coal','electricity','','','calorific','0.1229','kgce/kWh','2020-01-01','2023-01-01','2024-10-01','verified','王仲等《工业园区碳排放核算与“双碳”转型路径研究》, 南方能源建设 2024, 11(5), 表4, DOI 10.16516/j.ceec.2023-311','read in the text of the paper; the totals of table 6 recomputed from it within 0.1 % for 2020-2022','The text dates the paper 2024, 11(5) only; the fifth issue of a bimonthly closes with September, so it could be known by the first of October. Calorific equivalence (当量).');
CREATE TABLE inbox (
	consumer_group TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	handled_at TEXT NOT NULL, 
	expires_at TEXT NOT NULL, 
	PRIMARY KEY (consumer_group, event_id)
)
 STRICT

;
CREATE TABLE job (
	job_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	arguments TEXT NOT NULL, 
	state TEXT NOT NULL, 
	progress REAL NOT NULL, 
	attempts INTEGER NOT NULL, 
	cancel_requested INTEGER NOT NULL, 
	due_at TEXT NOT NULL, 
	lease_until TEXT, 
	result TEXT, 
	failure TEXT, 
	created_at TEXT NOT NULL, 
	updated_at TEXT NOT NULL, 
	traceparent TEXT NOT NULL, 
	PRIMARY KEY (job_id)
)
 STRICT

;
INSERT INTO "job" VALUES('25a68c84-7d8b-4b14-86b4-af34c3c78a11','rebuild-sums','demo','tested','demo-platform-operator','{"park_id": "tested"}','succeeded',1.0,1,0,'2026-11-21T17:49:09.925913Z',NULL,'{"corrected": 0, "records": 10, "sums": 9}',NULL,'2026-11-21T17:49:09.925913Z','2026-11-21T17:49:10.104781Z','');
CREATE TABLE outbox (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	event_id TEXT NOT NULL, 
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	type TEXT NOT NULL, 
	source TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	time TEXT NOT NULL, 
	traceparent TEXT NOT NULL, 
	data BLOB NOT NULL, 
	UNIQUE (event_id)
)
 STRICT

;
INSERT INTO "outbox" VALUES(470,'2ebe8c03-1336-4475-83ec-c443ba4d0633','demo','tested','accounting.activity.v1','tested','parkcarbon.accounting.events.v1.ActivityRecorded','/accounting','parks/tested/activity-records/11','2026-11-21T17:49:11.211238Z','',X'0A06746573746564120464656D6F180B220777616974696E672A036761733201003A0580EBB7FF05420580D2BC8E064A0580DBD5FE0A520731306B204E6D335A01006207E8D3A5F0CFAD0E6A0780BCF3E1F1F508721432636366356339396437636238396536326432327A01008201140A0777616974696E671209636F727265637465648A011B323032362D31312D32315431373A34393A31312E3231313233385A');
INSERT INTO "outbox" VALUES(471,'542e34b6-7625-40da-a49f-50d4308fcf24','demo','tested','accounting.activity.v1','tested','parkcarbon.accounting.events.v1.EmissionsCalculated','/accounting','parks/tested/emissions/11','2026-11-21T17:49:11.211238Z','',X'0A06746573746564120464656D6F180B22036761732A03F5AA0C320380AB0C3A07E8D3A5F0CFAD0E420780BCF3E1F1F5084A0101521B323032362D31312D32315431373A34393A31312E3231313233385A');
CREATE TABLE park (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	name_zh TEXT NOT NULL, 
	name_en TEXT NOT NULL, 
	region_code TEXT NOT NULL, 
	time_zone TEXT NOT NULL, 
	latitude_deg TEXT NOT NULL, 
	longitude_deg TEXT NOT NULL, 
	factor_set_id TEXT NOT NULL, 
	registered_time TEXT NOT NULL, 
	PRIMARY KEY (park_id)
)
 STRICT

;
INSERT INTO "park" VALUES('demo','tested','试验园区','Test park','360700','Asia/Shanghai','','','wang-2024','2026-11-21T17:49:08.746794Z');
CREATE TABLE park_ledger (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	last_position INTEGER NOT NULL, 
	PRIMARY KEY (park_id)
)
 STRICT

;
INSERT INTO "park_ledger" VALUES('demo','tested',11);
CREATE TABLE schema_version_accounting (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT schema_version_accounting_pkc PRIMARY KEY (version_num)
);
INSERT INTO "schema_version_accounting" VALUES('0001');
CREATE TABLE source (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	source_id TEXT NOT NULL, 
	enterprise_id TEXT NOT NULL, 
	name_zh TEXT NOT NULL, 
	name_en TEXT NOT NULL, 
	item TEXT NOT NULL, 
	scope INTEGER NOT NULL, 
	carrier TEXT NOT NULL, 
	gas TEXT NOT NULL, 
	sector TEXT NOT NULL, 
	settlement_basis TEXT NOT NULL, 
	registered_time TEXT NOT NULL, 
	PRIMARY KEY (park_id, source_id), 
	CONSTRAINT source_scope CHECK (scope IN (1, 2, 3))
)
 STRICT

;
INSERT INTO "source" VALUES('demo','tested','electricity','','electricity','electricity','enterprise.purchased_energy',2,'electricity','CO2','energy','bill','2026-11-21T17:49:08.775172Z');
INSERT INTO "source" VALUES('demo','tested','gas','','gas','gas','enterprise.fuel_combustion',1,'natural_gas','CO2','energy','bill','2026-11-21T17:49:08.853228Z');
INSERT INTO "source" VALUES('demo','tested','oil','','oil','oil','enterprise.fuel_combustion',1,'refined_oil','CO2','energy','bill','2026-11-21T17:49:08.912073Z');
CREATE INDEX activity_key_in_force ON activity_key (park_id, source_id, period_start_s) WHERE superseded_by IS NULL;
CREATE INDEX ix_inbox_expires_at ON inbox (expires_at);
CREATE INDEX job_by_state ON job (state, due_at);
CREATE INDEX job_by_tenant ON job (tenant_id, created_at, job_id);
CREATE INDEX park_by_tenant ON park (tenant_id, park_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',471);
COMMIT;
