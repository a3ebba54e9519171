-- +goose Up
-- GDPR Art. 7, SGB X section 67b: one sheet of consent for each case, with its purposes, its circle and its term. What a person did
-- not agree to is simply not there; no column says why, nor whether she was asked.
alter table consent
	drop column purpose,
	add column purposes text[] not null default '{conference}'
		check (purposes <@ array['conference', 'presence', 'follow_up', 'profile', 'risk', 'statistics', 'memory', 'pass_plan']),
	add column organisations uuid[] not null default '{}', -- whose experts may look: no organisation, no access
	add column excluded uuid[] not null default '{}', -- accounts that may not, although their discipline may
	add column plan_to uuid[] not null default '{}', -- organisations that the plan may be passed to
	add column valid_from date,
	add column language text not null default 'de',
	add column counselled_on date, -- the independent counselling was pointed out; SGB IX section 20(3), 32
	add column signed_on date, -- on paper, which stays in the file of record
	add column asked_at timestamptz,
	add column narrowed_at timestamptz,
	add column swept_at timestamptz, -- its end was carried out: dates called off
	drop constraint consent_circle_check,
	drop constraint consent_explained_check,
	alter column granted_at drop not null;
update consent c set valid_from = c.granted_at::date, signed_on = c.granted_at::date,
	organisations = array(select o.id from organisation o where o.network_id = (select w.network_id from organisation w where w.id = c.organisation_id));
alter table consent
	alter column purposes drop default,
	alter column organisations drop default,
	alter column language drop default,
	alter column valid_from set not null,
	add check (granted_at is not null or asked_at is not null),
	add check (granted_at is null or explained and signed_on is not null and 'conference' = any(purposes)
		and cardinality(circle) > 0 and cardinality(organisations) > 0),
	add check (('pass_plan' = any(purposes)) = (cardinality(plan_to) > 0));
create unique index consent_one_standing on consent (case_id) where granted_at is not null and withdrawn_at is null and replaced_at is null;
create unique index consent_one_asked on consent (case_id) where granted_at is null;

-- Whether a case stands open on that day to those who lead it. Who else may look is asked in Go, in one place.
create function consent_stands(of_case uuid, today date) returns boolean language sql stable as $$
	select exists (select from consent k
		where k.case_id = of_case and k.granted_at is not null and k.withdrawn_at is null and k.replaced_at is null
			and today between k.valid_from and k.valid_until)
$$;

-- Release from medical secrecy (StGB section 203), one for each holder of the secret. Who that is by name stands on paper: the name
-- of a client's physician names the client, so it is kept nowhere here.
create table secrecy_release (
	id uuid primary key,
	consent_id uuid not null references consent on delete cascade,
	organisation_id uuid not null,
	profession text not null,
	holder text not null, -- how the person calls her or him, without a name: "meine Hausärztin"
	about text not null,
	ended_at timestamptz
);
create index secrecy_release_consent on secrecy_release (consent_id);

-- The client's own way in, on her sheet. It names nobody and counts no visits.
create table client_link (
	id uuid primary key,
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	token_hash bytea not null unique,
	created_at timestamptz not null,
	created_by uuid not null references account,
	revoked_at timestamptz
);
create unique index client_link_one_standing on client_link (case_id) where revoked_at is null;

-- What is to be deleted, and when. The retention sweep carries it out.
create table case_deletion (
	case_id uuid primary key,
	organisation_id uuid not null,
	due_at timestamptz not null,
	scheduled_at timestamptz not null,
	done_at timestamptz
);
create index case_deletion_due on case_deletion (due_at) where done_at is null;
