-- +goose Up
create schema vault;

-- Who the client is: sealed under a key of its own, which the key-encryption key wraps. Nothing else in the database names the person.
create table vault.identity (
	case_id uuid primary key,
	organisation_id uuid not null,
	key_id text not null,
	wrapped_key bytea not null,
	sealed bytea not null,
	created_at timestamptz not null
);

create table case_file (
	id uuid primary key,
	organisation_id uuid not null references organisation,
	pseudonym text not null unique,
	caseworker_id uuid not null references account,
	state text not null check (state in ('open', 'sealed')),
	created_at timestamptz not null,
	sealed_at timestamptz,
	check ((state = 'sealed') = (sealed_at is not null))
);
create index case_file_organisation on case_file (organisation_id);

create table case_summary (
	case_id uuid not null references case_file,
	version int not null,
	organisation_id uuid not null,
	state text not null check (state in ('draft', 'released', 'replaced', 'sealed')),
	situation text not null,
	resources text not null,
	tried text not null,
	goals text not null,
	limits text not null,
	author_id uuid not null references account,
	written_at timestamptz not null,
	released_by uuid references account,
	released_at timestamptz,
	primary key (case_id, version)
);
create unique index case_summary_one_released on case_summary (case_id) where state = 'released';

-- GDPR Art. 7, SGB X section 67b: one consent per purpose, with its circle and its term.
create table consent (
	id uuid primary key,
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	purpose text not null check (purpose in ('conference')),
	circle text[] not null check (cardinality(circle) > 0),
	valid_until date not null,
	text_version text not null,
	explained boolean not null check (explained),
	recorded_by uuid not null references account,
	granted_at timestamptz not null,
	replaced_at timestamptz,
	withdrawn_at timestamptz,
	withdrawn_by uuid references account
);
create unique index consent_one_standing on consent (case_id, purpose) where withdrawn_at is null and replaced_at is null;
