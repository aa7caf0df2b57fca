CREATE TABLE public.bearer_token (
    sha256 text NOT NULL,
    tenant_id text NOT NULL,
    park_id text NOT NULL,
    subject text NOT NULL,
    roles text NOT NULL,
    granted_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.bearer_token FORCE ROW LEVEL SECURITY;
CREATE TABLE public.change (
    tenant_id text NOT NULL,
    "position" bigint NOT NULL,
    park_id text NOT NULL,
    topic text NOT NULL,
    type text NOT NULL,
    "time" text NOT NULL,
    event_id text NOT NULL,
    data_json text NOT NULL
);
ALTER TABLE ONLY public.change FORCE ROW LEVEL SECURITY;
CREATE TABLE public.change_counter (
    tenant_id text NOT NULL,
    park_id text NOT NULL,
    last_position bigint NOT NULL
);
ALTER TABLE ONLY public.change_counter FORCE ROW LEVEL SECURITY;
CREATE TABLE public.inbox (
    consumer_group text NOT NULL,
    event_id text NOT NULL,
    tenant_id text NOT NULL,
    park_id text NOT NULL,
    handled_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.inbox FORCE ROW LEVEL SECURITY;
CREATE TABLE public.schema_version_gateway (
    version_num character varying(32) NOT NULL
);
INSERT INTO public.bearer_token VALUES ('296d2c2374448a9182f61e4e3449efa642bbb99889e64f5750b75ea41b0a5eb1', 'demo', '', 'demo-platform-operator', '["platform_operator"]', '2026-11-21 17:49:14.002719+00');
INSERT INTO public.bearer_token VALUES ('f5dc77c30db155f81925754c6245a9bccd5f34d81e531a27559a849ea395e7cd', 'demo', '', 'demo-park-manager', '["park_manager"]', '2026-11-21 17:49:14.002719+00');
INSERT INTO public.bearer_token VALUES ('9f184d34087010c9a5095e5d2381158daf37d86dddb5f6229434d10cff2e0fb7', 'demo', '', 'demo-reader', '["reader"]', '2026-11-21 17:49:14.002719+00');
INSERT INTO public.change VALUES ('demo', 1, 'tested', 'accounting.park.v1', 'parkcarbon.accounting.events.v1.ParkRegistered', '2026-11-21T17:49:14.336477Z', 'e3b6cfc7-65e4-46c7-b3b1-049f09c4b0cd', '{"park_id":"tested","tenant_id":"demo","name_zh":"试验园区","name_en":"Test park","region_code":"360700","time_zone":"Asia/Shanghai","factor_set_id":"wang-2024","registered_time":"2026-11-21T17:49:14.336477Z","latitude_deg":"","longitude_deg":""}');
INSERT INTO public.change VALUES ('demo', 2, 'tested', 'accounting.park.v1', 'parkcarbon.accounting.events.v1.SourceRegistered', '2026-11-21T17:49:14.393841Z', 'ee45f831-0a37-4610-bcd7-f4b63ac8aec1', '{"park_id":"tested","tenant_id":"demo","source_id":"electricity","enterprise_id":"","name_zh":"electricity","name_en":"electricity","item":"enterprise.purchased_energy","scope":2,"carrier":"electricity","gas":"CO2","sector":"energy","settlement_basis":"bill","registered_time":"2026-11-21T17:49:14.393841Z"}');
INSERT INTO public.change VALUES ('demo', 3, 'tested', 'accounting.park.v1', 'parkcarbon.accounting.events.v1.SourceRegistered', '2026-11-21T17:49:14.499334Z', '6d8ab38f-98e0-4f91-9861-eeba298e799f', '{"park_id":"tested","tenant_id":"demo","source_id":"gas","enterprise_id":"","name_zh":"gas","name_en":"gas","item":"enterprise.fuel_combustion","scope":1,"carrier":"natural_gas","gas":"CO2","sector":"energy","settlement_basis":"bill","registered_time":"2026-11-21T17:49:14.499334Z"}');
INSERT INTO public.change VALUES ('demo', 4, 'tested', 'accounting.park.v1', 'parkcarbon.accounting.events.v1.SourceRegistered', '2026-11-21T17:49:14.585401Z', 'd42640b7-7026-45c5-9748-9b07e19b35ba', '{"park_id":"tested","tenant_id":"demo","source_id":"oil","enterprise_id":"","name_zh":"oil","name_en":"oil","item":"enterprise.fuel_combustion","scope":1,"carrier":"refined_oil","gas":"CO2","sector":"energy","settlement_basis":"bill","registered_time":"2026-11-21T17:49:14.585401Z"}');
INSERT INTO public.change VALUES ('demo', 5, 'tested', 'accounting.park.v1', 'parkcarbon.accounting.events.v1.EnterpriseRegistered', '2026-11-21T17:49:14.667158Z', '50b815da-8a7e-4c63-9708-7ea4fb701a81', '{"park_id":"tested","tenant_id":"demo","enterprise_id":"mill","name_zh":"钢厂","name_en":"Mill","industry_code":"C3120","registered_time":"2026-11-21T17:49:14.667158Z","credit_code":""}');
INSERT INTO public.change VALUES ('demo', 6, 'tested', 'accounting.park.v1', 'parkcarbon.accounting.events.v1.AnnualFiguresRecorded', '2026-11-21T17:49:14.753562Z', '76089c58-c32a-4791-ac92-4adc9e4e686b', '{"park_id":"tested","tenant_id":"demo","year":2021,"version":1,"gross_output_10k_cny":"9547000","value_added_10k_cny":"","gdp_10k_cny":"","employees_persons":"","land_area_km2":"","leading_industries_share_pct":"","recorded_time":"2026-11-21T17:49:14.753562Z"}');
INSERT INTO public.change VALUES ('demo', 7, 'tested', 'accounting.activity.v1', 'parkcarbon.accounting.events.v1.ActivityRecorded', '2026-11-21T17:49:14.873095Z', 'aba62d14-73d5-4bec-b506-050584906e62', '{"park_id":"tested","tenant_id":"demo","first_position":"1","record_id":["electricity-2020","gas-2020","oil-2020","electricity-2021","gas-2021","oil-2021","electricity-2022","gas-2022","oil-2022"],"source_id":["electricity","gas","oil"],"source_index":[0,1,2,0,1,2,0,1,2],"period_start_s":["1577808000","1577808000","1577808000","1609430400","1609430400","1609430400","1640966400","1640966400","1640966400"],"period_end_s":["1609430400","1609430400","1609430400","1640966400","1640966400","1640966400","1672502400","1672502400","1672502400"],"quantity_micro":["882077299000","2676090200","103810000000","971033360000","2932330800","113374150000","1052105126000","2955789500","108152571000"],"unit":["MWh","10k Nm3","t"],"unit_index":[0,1,2,0,1,2,0,1,2],"emissions_mg_co2e":["512486910719000","57277656936043","318109588011600","564170382160000","62762098820658","347417437122294","611273078206000","63264196758450","331416720963350"],"energy_mgce":["108407300047100","35591999660000","152600700000000","119339999944000","38999999640000","166660000500000","129303719985400","39312000350000","158984279370000"],"basis_id":["495f015d22b4feee9e93","2ccf5c99d7cb89e62d22","a1d83593e0e14f1782fa"],"basis_index":[0,1,2,0,1,2,0,1,2],"supersessions":[],"recorded_time":"2026-11-21T17:49:14.873095Z"}');
INSERT INTO public.change VALUES ('demo', 8, 'tested', 'accounting.activity.v1', 'parkcarbon.accounting.events.v1.EmissionsCalculated', '2026-11-21T17:49:14.873095Z', 'aa9362ec-c5a0-4038-9e0b-8026ed0c7331', '{"park_id":"tested","tenant_id":"demo","last_position":"9","source_id":["electricity","electricity","electricity","gas","gas","gas","oil","oil","oil"],"first_month":[202001,202101,202201,202001,202101,202201,202001,202101,202201],"last_month":[202012,202112,202212,202012,202112,202212,202012,202112,202212],"emissions_mg_co2e":["512486910719000","564170382160000","611273078206000","57277656936043","62762098820658","63264196758450","318109588011600","347417437122294","331416720963350"],"energy_mgce":["108407300047100","119339999944000","129303719985400","35591999660000","38999999640000","39312000350000","152600700000000","166660000500000","158984279370000"],"records":["1","1","1","1","1","1","1","1","1"],"calculated_time":"2026-11-21T17:49:14.873095Z"}');
INSERT INTO public.change VALUES ('demo', 9, 'tested', 'accounting.activity.v1', 'parkcarbon.accounting.events.v1.ActivityRecorded', '2026-11-21T17:49:15.168201Z', 'f40758aa-9400-4c36-b34f-cbfca27241fb', '{"park_id":"tested","tenant_id":"demo","first_position":"10","record_id":["corrected"],"source_id":["gas"],"source_index":[0],"period_start_s":["1609430400"],"period_end_s":["1640966400"],"quantity_micro":["2900000000"],"unit":["10k Nm3"],"unit_index":[0],"emissions_mg_co2e":["62070107022000"],"energy_mgce":["38570000000000"],"basis_id":["2ccf5c99d7cb89e62d22"],"basis_index":[0],"supersessions":[{"record_id":"corrected","superseded_record_id":"gas-2021"}],"recorded_time":"2026-11-21T17:49:15.168201Z"}');
INSERT INTO public.change VALUES ('demo', 10, 'tested', 'accounting.activity.v1', 'parkcarbon.accounting.events.v1.EmissionsCalculated', '2026-11-21T17:49:15.168201Z', '9c8a8d87-0cfa-43ea-b808-95bdf1fb445b', '{"park_id":"tested","tenant_id":"demo","last_position":"10","source_id":["gas"],"first_month":[202101],"last_month":[202112],"emissions_mg_co2e":["62070107022000"],"energy_mgce":["38570000000000"],"records":["1"],"calculated_time":"2026-11-21T17:49:15.168201Z"}');
INSERT INTO public.change_counter VALUES ('demo', '', 10);
INSERT INTO public.inbox VALUES ('gateway', 'e3b6cfc7-65e4-46c7-b3b1-049f09c4b0cd', 'demo', 'tested', '2026-11-21 17:49:14.404265+00', '2027-11-23 17:49:14.404265+00');
INSERT INTO public.inbox VALUES ('gateway', 'ee45f831-0a37-4610-bcd7-f4b63ac8aec1', 'demo', 'tested', '2026-11-21 17:49:14.463053+00', '2027-11-23 17:49:14.463053+00');
INSERT INTO public.inbox VALUES ('gateway', '6d8ab38f-98e0-4f91-9861-eeba298e799f', 'demo', 'tested', '2026-11-21 17:49:14.541395+00', '2027-11-23 17:49:14.541395+00');
INSERT INTO public.inbox VALUES ('gateway', 'd42640b7-7026-45c5-9748-9b07e19b35ba', 'demo', 'tested', '2026-11-21 17:49:14.623572+00', '2027-11-23 17:49:14.623572+00');
INSERT INTO public.inbox VALUES ('gateway', '50b815da-8a7e-4c63-9708-7ea4fb701a81', 'demo', 'tested', '2026-11-21 17:49:14.718866+00', '2027-11-23 17:49:14.718866+00');
INSERT INTO public.inbox VALUES ('gateway', '76089c58-c32a-4791-ac92-4adc9e4e686b', 'demo', 'tested', '2026-11-21 17:49:14.79979+00', '2027-11-23 17:49:14.79979+00');
INSERT INTO public.inbox VALUES ('gateway', 'aba62d14-73d5-4bec-b506-050584906e62', 'demo', 'tested', '2026-11-21 17:49:15.093843+00', '2026-12-23 17:49:15.093843+00');
INSERT INTO public.inbox VALUES ('gateway', 'aa9362ec-c5a0-4038-9e0b-8026ed0c7331', 'demo', 'tested', '2026-11-21 17:49:15.158519+00', '2026-12-23 17:49:15.158519+00');
INSERT INTO public.inbox VALUES ('gateway', 'f40758aa-9400-4c36-b34f-cbfca27241fb', 'demo', 'tested', '2026-11-21 17:49:15.387414+00', '2026-12-23 17:49:15.387414+00');
INSERT INTO public.inbox VALUES ('gateway', '9c8a8d87-0cfa-43ea-b808-95bdf1fb445b', 'demo', 'tested', '2026-11-21 17:49:15.49175+00', '2026-12-23 17:49:15.49175+00');
INSERT INTO public.schema_version_gateway VALUES ('0001');
ALTER TABLE ONLY public.bearer_token
    ADD CONSTRAINT bearer_token_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY public.change_counter
    ADD CONSTRAINT change_counter_pkey PRIMARY KEY (tenant_id, park_id);
ALTER TABLE ONLY public.change
    ADD CONSTRAINT change_pkey PRIMARY KEY (tenant_id, "position");
ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (consumer_group, event_id);
ALTER TABLE ONLY public.schema_version_gateway
    ADD CONSTRAINT schema_version_gateway_pkc PRIMARY KEY (version_num);
CREATE INDEX ix_inbox_expires_at ON public.inbox USING btree (expires_at);
ALTER TABLE public.bearer_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.change ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.change_counter ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.inbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_its_tenant ON public.bearer_token USING (((tenant_id = ( SELECT current_setting('parkcarbon.tenant'::text, true) AS current_setting)) OR (( SELECT current_setting('parkcarbon.platform'::text, true) AS current_setting) <> ''::text)));
CREATE POLICY of_its_tenant ON public.change USING (((tenant_id = ( SELECT current_setting('parkcarbon.tenant'::text, true) AS current_setting)) OR (( SELECT current_setting('parkcarbon.platform'::text, true) AS current_setting) <> ''::text)));
CREATE POLICY of_its_tenant ON public.change_counter USING (((tenant_id = ( SELECT current_setting('parkcarbon.tenant'::text, true) AS current_setting)) OR (( SELECT current_setting('parkcarbon.platform'::text, true) AS current_setting) <> ''::text)));
CREATE POLICY of_its_tenant ON public.inbox USING (((tenant_id = ( SELECT current_setting('parkcarbon.tenant'::text, true) AS current_setting)) OR (( SELECT current_setting('parkcarbon.platform'::text, true) AS current_setting) <> ''::text)));
