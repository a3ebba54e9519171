-- +goose Up
create table measure (
	id uuid primary key,
	organisation_id uuid not null,
	conference_id uuid not null references conference,
	conference_code text not null,
	case_id uuid not null references case_file,
	what text not null,
	responsible_id uuid not null references account,
	due_on date not null,
	state text not null check (state in ('proposed', 'accepted', 'refused', 'in_progress', 'done', 'not_possible')),
	reason text not null default '',
	proposed_by uuid not null references account,
	proposed_at timestamptz not null,
	answered_at timestamptz,
	ask_on date not null,
	asked_at timestamptz,
	reported_at timestamptz
);
create index measure_conference on measure (conference_id);
create index measure_responsible on measure (responsible_id);
create index measure_due on measure (ask_on) where state in ('accepted', 'in_progress') and asked_at is null;

create table measure_event (
	id bigint generated always as identity primary key,
	measure_id uuid not null references measure,
	organisation_id uuid not null,
	at timestamptz not null,
	account_id uuid not null,
	kind text not null,
	reason text not null default ''
);
create index measure_event_measure on measure_event (measure_id);
