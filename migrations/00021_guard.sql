-- +goose Up
-- Somebody let a passage stand that the name guard had found: who, why, and a keyed digest of each passage, never its words.
create table guard_override (
	id bigint generated always as identity primary key,
	organisation_id uuid not null references organisation,
	case_id uuid not null references case_file on delete cascade,
	account_id uuid not null references account,
	document text not null check (document in ('summary', 'request', 'measure', 'minutes', 'information', 'attachment')),
	reason text not null check (reason <> ''),
	digests bytea[] not null check (cardinality(digests) > 0),
	at timestamptz not null
);
create index guard_override_case on guard_override (case_id, id);

-- The shape of a number that an organisation uses, for the guard.
create table guard_pattern (
	id uuid primary key,
	organisation_id uuid not null references organisation,
	name text not null,
	shape text not null,
	created_by uuid not null references account,
	created_at timestamptz not null,
	unique (organisation_id, shape)
);

-- What the texts of a case tell about the person, coarse; '' where they tell nothing. The meter counts cases that share it.
create table case_traits (
	case_id uuid primary key references case_file on delete cascade,
	organisation_id uuid not null references organisation,
	age_band text not null,
	sex text not null,
	region text not null,
	occupation text not null,
	diagnosis text not null,
	changed_by uuid not null references account,
	changed_at timestamptz not null
);
create index case_traits_organisation on case_traits (organisation_id);
