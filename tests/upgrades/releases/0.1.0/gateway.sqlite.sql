BEGIN TRANSACTION;
CREATE TABLE bearer_token (
	sha256 TEXT NOT NULL, 
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	roles TEXT NOT NULL, 
	granted_at TEXT NOT NULL, 
	PRIMARY KEY (sha256)
)
 STRICT

;
INSERT INTO "bearer_token" VALUES('9443a2d5a0e781e8441f394bfda6018a8ac7f1ca0a394c31226a657a348fc40e','demo','','demo-platform-operator','["platform_operator"]','2026-11-21T17:49:08.062587Z');
INSERT INTO "bearer_token" VALUES('8d9427370642969fef26ea7bdff9b7c87db582751e0798a1ca9722b56e4281c0','demo','','demo-park-manager','["park_manager"]','2026-11-21T17:49:08.062587Z');
INSERT INTO "bearer_token" VALUES('e5d8cd5f1a5bb8b98c4fd2e8356a19bceb4f4dccca725f22062e2e24730abb52','demo','','demo-reader','["reader"]','2026-11-21T17:49:08.062587Z');
CREATE TABLE change (
	tenant_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	park_id TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	type TEXT NOT NULL, 
	time TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	data_json TEXT NOT NULL, 
	PRIMARY KEY (tenant_id, position)
)
 STRICT

;
INSERT INTO "change" VALUES('demo',1,'tested','accounting.park.v1','parkcarbon.accounting.events.v1.ParkRegistered','2026-11-21T17:49:08.746794Z','53ffc193-9802-425e-8403-2ec78cbbe972','{"park_id":"tested","tenant_id":"demo","name_zh":"试验园区","name_en":"Test park","region_code":"360700","time_zone":"Asia/Shanghai","factor_set_id":"wang-2024","registered_time":"2026-11-21T17:49:08.746794Z","latitude_deg":"","longitude_deg":""}');
INSERT INTO "change" VALUES('demo',2,'tested','accounting.park.v1','parkcarbon.accounting.events.v1.SourceRegistered','2026-11-21T17:49:08.775172Z','24380d48-d182-41d8-9fc9-5156ac47b6f5','{"park_id":"tested","tenant_id":"demo","source_id":"electricity","enterprise_id":"","name_zh":"electricity","name_en":"electricity","item":"enterprise.purchased_energy","scope":2,"carrier":"electricity","gas":"CO2","sector":"energy","settlement_basis":"bill","registered_time":"2026-11-21T17:49:08.775172Z"}');
INSERT INTO "change" VALUES('demo',3,'tested','accounting.park.v1','parkcarbon.accounting.events.v1.SourceRegistered','2026-11-21T17:49:08.853228Z','227ac4eb-aa83-4feb-be4d-8c8e5757eab0','{"park_id":"tested","tenant_id":"demo","source_id":"gas","enterprise_id":"","name_zh":"gas","name_en":"gas","item":"enterprise.fuel_combustion","scope":1,"carrier":"natural_gas","gas":"CO2","sector":"energy","settlement_basis":"bill","registered_time":"2026-11-21T17:49:08.853228Z"}');
INSERT INTO "change" VALUES('demo',4,'tested','accounting.park.v1','parkcarbon.accounting.events.v1.SourceRegistered','2026-11-21T17:49:08.912073Z','bb2424e9-9dea-4f37-a655-6b0ff61780f8','{"park_id":"tested","tenant_id":"demo","source_id":"oil","enterprise_id":"","name_zh":"oil","name_en":"oil","item":"enterprise.fuel_combustion","scope":1,"carrier":"refined_oil","gas":"CO2","sector":"energy","settlement_basis":"bill","registered_time":"2026-11-21T17:49:08.912073Z"}');
INSERT INTO "change" VALUES('demo',5,'tested','accounting.park.v1','parkcarbon.accounting.events.v1.EnterpriseRegistered','2026-11-21T17:49:08.998846Z','00a12415-d3a0-4f24-964c-fd64abd1d7d6','{"park_id":"tested","tenant_id":"demo","enterprise_id":"mill","name_zh":"钢厂","name_en":"Mill","industry_code":"C3120","registered_time":"2026-11-21T17:49:08.998846Z","credit_code":""}');
INSERT INTO "change" VALUES('demo',6,'tested','accounting.park.v1','parkcarbon.accounting.events.v1.AnnualFiguresRecorded','2026-11-21T17:49:09.081109Z','25fdc34b-04a5-4ea0-bd20-9aecc31e9e28','{"park_id":"tested","tenant_id":"demo","year":2021,"version":1,"gross_output_10k_cny":"9547000","value_added_10k_cny":"","gdp_10k_cny":"","employees_persons":"","land_area_km2":"","leading_industries_share_pct":"","recorded_time":"2026-11-21T17:49:09.081109Z"}');
INSERT INTO "change" VALUES('demo',7,'tested','accounting.activity.v1','parkcarbon.accounting.events.v1.ActivityRecorded','2026-11-21T17:49:09.223388Z','97ccc7f2-7b92-4d47-a701-b5e2a6a85ca1','{"park_id":"tested","tenant_id":"demo","first_position":"1","record_id":["electricity-2020","gas-2020","oil-2020","electricity-2021","gas-2021","oil-2021","electricity-2022","gas-2022","oil-2022"],"source_id":["electricity","gas","oil"],"source_index":[0,1,2,0,1,2,0,1,2],"period_start_s":["1577808000","1577808000","1577808000","1609430400","1609430400","1609430400","1640966400","1640966400","1640966400"],"period_end_s":["1609430400","1609430400","1609430400","1640966400","1640966400","1640966400","1672502400","1672502400","1672502400"],"quantity_micro":["882077299000","2676090200","103810000000","971033360000","2932330800","113374150000","1052105126000","2955789500","108152571000"],"unit":["MWh","10k Nm3","t"],"unit_index":[0,1,2,0,1,2,0,1,2],"emissions_mg_co2e":["512486910719000","57277656936043","318109588011600","564170382160000","62762098820658","347417437122294","611273078206000","63264196758450","331416720963350"],"energy_mgce":["108407300047100","35591999660000","152600700000000","119339999944000","38999999640000","166660000500000","129303719985400","39312000350000","158984279370000"],"basis_id":["495f015d22b4feee9e93","2ccf5c99d7cb89e62d22","a1d83593e0e14f1782fa"],"basis_index":[0,1,2,0,1,2,0,1,2],"supersessions":[],"recorded_time":"2026-11-21T17:49:09.223388Z"}');
INSERT INTO "change" VALUES('demo',8,'tested','accounting.activity.v1','parkcarbon.accounting.events.v1.EmissionsCalculated','2026-11-21T17:49:09.223388Z','93f064c1-090c-480d-aa73-7182cc3679ed','{"park_id":"tested","tenant_id":"demo","last_position":"9","source_id":["electricity","electricity","electricity","gas","gas","gas","oil","oil","oil"],"first_month":[202001,202101,202201,202001,202101,202201,202001,202101,202201],"last_month":[202012,202112,202212,202012,202112,202212,202012,202112,202212],"emissions_mg_co2e":["512486910719000","564170382160000","611273078206000","57277656936043","62762098820658","63264196758450","318109588011600","347417437122294","331416720963350"],"energy_mgce":["108407300047100","119339999944000","129303719985400","35591999660000","38999999640000","39312000350000","152600700000000","166660000500000","158984279370000"],"records":["1","1","1","1","1","1","1","1","1"],"calculated_time":"2026-11-21T17:49:09.223388Z"}');
INSERT INTO "change" VALUES('demo',9,'tested','accounting.activity.v1','parkcarbon.accounting.events.v1.ActivityRecorded','2026-11-21T17:49:09.637255Z','3d236f14-4f28-4e12-94f8-d26ada645427','{"park_id":"tested","tenant_id":"demo","first_position":"10","record_id":["corrected"],"source_id":["gas"],"source_index":[0],"period_start_s":["1609430400"],"period_end_s":["1640966400"],"quantity_micro":["2900000000"],"unit":["10k Nm3"],"unit_index":[0],"emissions_mg_co2e":["62070107022000"],"energy_mgce":["38570000000000"],"basis_id":["2ccf5c99d7cb89e62d22"],"basis_index":[0],"supersessions":[{"record_id":"corrected","superseded_record_id":"gas-2021"}],"recorded_time":"2026-11-21T17:49:09.637255Z"}');
INSERT INTO "change" VALUES('demo',10,'tested','accounting.activity.v1','parkcarbon.accounting.events.v1.EmissionsCalculated','2026-11-21T17:49:09.637255Z','c6b6c859-ecdf-461a-b4a4-8b7c9cce7286','{"park_id":"tested","tenant_id":"demo","last_position":"10","source_id":["gas"],"first_month":[202101],"last_month":[202112],"emissions_mg_co2e":["62070107022000"],"energy_mgce":["38570000000000"],"records":["1"],"calculated_time":"2026-11-21T17:49:09.637255Z"}');
CREATE TABLE change_counter (
	tenant_id TEXT NOT NULL, 
	park_id TEXT NOT NULL, 
	last_position INTEGER NOT NULL, 
	PRIMARY KEY (tenant_id, park_id)
)
 STRICT

;
INSERT INTO "change_counter" VALUES('demo','',10);
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
INSERT INTO "inbox" VALUES('gateway','53ffc193-9802-425e-8403-2ec78cbbe972','demo','tested','2026-11-21T17:49:08.787321Z','2027-11-23T17:49:08.787321Z');
INSERT INTO "inbox" VALUES('gateway','24380d48-d182-41d8-9fc9-5156ac47b6f5','demo','tested','2026-11-21T17:49:08.824867Z','2027-11-23T17:49:08.824867Z');
INSERT INTO "inbox" VALUES('gateway','227ac4eb-aa83-4feb-be4d-8c8e5757eab0','demo','tested','2026-11-21T17:49:08.870833Z','2027-11-23T17:49:08.870833Z');
INSERT INTO "inbox" VALUES('gateway','bb2424e9-9dea-4f37-a655-6b0ff61780f8','demo','tested','2026-11-21T17:49:08.971183Z','2027-11-23T17:49:08.971183Z');
INSERT INTO "inbox" VALUES('gateway','00a12415-d3a0-4f24-964c-fd64abd1d7d6','demo','tested','2026-11-21T17:49:09.059018Z','2027-11-23T17:49:09.059018Z');
INSERT INTO "inbox" VALUES('gateway','25fdc34b-04a5-4ea0-bd20-9aecc31e9e28','demo','tested','2026-11-21T17:49:09.155738Z','2027-11-23T17:49:09.155738Z');
INSERT INTO "inbox" VALUES('gateway','97ccc7f2-7b92-4d47-a701-b5e2a6a85ca1','demo','tested','2026-11-21T17:49:09.577405Z','2026-12-23T17:49:09.577405Z');
INSERT INTO "inbox" VALUES('gateway','93f064c1-090c-480d-aa73-7182cc3679ed','demo','tested','2026-11-21T17:49:09.689071Z','2026-12-23T17:49:09.689071Z');
INSERT INTO "inbox" VALUES('gateway','3d236f14-4f28-4e12-94f8-d26ada645427','demo','tested','2026-11-21T17:49:09.820556Z','2026-12-23T17:49:09.820556Z');
INSERT INTO "inbox" VALUES('gateway','c6b6c859-ecdf-461a-b4a4-8b7c9cce7286','demo','tested','2026-11-21T17:49:09.936412Z','2026-12-23T17:49:09.936412Z');
CREATE TABLE schema_version_gateway (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT schema_version_gateway_pkc PRIMARY KEY (version_num)
);
INSERT INTO "schema_version_gateway" VALUES('0001');
CREATE INDEX ix_inbox_expires_at ON inbox (expires_at);
COMMIT;
