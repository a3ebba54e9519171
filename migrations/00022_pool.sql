-- +goose Up
-- A role for whoever watches over data protection: sees who did what, never what a case says.
alter table account drop constraint account_role_check;
alter table account add constraint account_role_check
	check (role in ('caseworker', 'coordinator', 'expert', 'admin', 'data_protection_officer'));

-- An expert who is only listed may have no address. Nobody can sign in or be invited without one.
drop index account_email;
create unique index account_email on account (lower(email)) where email <> '';

-- What an expert offers. The discipline is what a request asks for; specialty stays what the person says in her own words.
alter table expert
	add column profession text not null default '',
	add column specialties text[] not null default '{}', -- codes of expertpool.Specialties
	add column topics text[] not null default '{}',
	add column postcode text not null default '' check (postcode ~ '^([0-9]{5})?$'),
	add column travel_km int not null default 0 check (travel_km between 0 and 1000), -- 0: comes nowhere
	add column modes text[] not null default '{video}' check (modes <@ '{video,phone,on_site,written}'::text[]),
	add column lanr text not null default '' check (lanr ~ '^([0-9]{9})?$'),
	add column bsnr text not null default '' check (bsnr ~ '^([0-9]{9})?$'),
	add column accessibility text not null default '', -- of the place, in words
	add column max_cases int not null default 0 check (max_cases between 0 and 1000), -- open cases at once; 0: no ceiling
	add column changed_at timestamptz not null default now();
