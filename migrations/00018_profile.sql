-- +goose Up
-- What a network works with. Where a network has no row, the lists of the program hold.
create table casework (
	network_id uuid primary key references network,
	codes text[] not null, -- the ICF categories that a profile asks for, in their order
	phases text[] not null, -- of a case, in their order
	capacities text[] not null, -- what is rated 0 to 4
	caseload int not null check (caseload between 1 and 500) -- cases that one person leads, before a warning
);

-- Titles of an official edition, which the operator imports.
create table icf_title (
	edition text not null,
	code text not null,
	title text not null,
	primary key (edition, code)
);

-- A category with its qualifiers, as somebody rated it at some time. Qualifiers have a column each: position never decides.
create table icf_observation (
	id uuid primary key,
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	occasion text not null check (occasion in ('entry', 'interim', 'end')),
	month date not null check (extract(day from month) = 1),
	rater text not null check (rater in ('self', 'professional', 'instrument')),
	instrument text not null,
	code text not null,
	edition text not null,
	extent smallint,
	nature smallint,
	location smallint,
	performance smallint,
	capacity smallint,
	barrier smallint,
	facilitator smallint,
	note text not null,
	author_id uuid not null references account,
	written_at timestamptz not null,
	unique (case_id, occasion, rater, code),
	check (barrier is null or facilitator is null),
	check ((rater = 'instrument') = (instrument <> ''))
);

-- A score that others computed. It is shown with its source and never computed, compared or sorted by.
create table case_score (
	id uuid primary key,
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	instrument text not null,
	version text not null,
	value numeric not null,
	scale_min numeric not null,
	scale_max numeric not null,
	band text not null,
	measured_on date not null,
	computed_by text not null,
	client_saw boolean not null,
	author_id uuid not null references account,
	written_at timestamptz not null,
	check (value between scale_min and scale_max)
);
create index case_score_case on case_score (case_id);

create table capacity_rating (
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	occasion text not null check (occasion in ('entry', 'interim', 'end')),
	view text not null check (view in ('self', 'observer')),
	capacity text not null,
	position smallint not null, -- in the list
	value smallint not null check (value between 0 and 4),
	author_id uuid not null references account,
	written_at timestamptz not null,
	primary key (case_id, occasion, view, capacity)
);

-- Hours a day that somebody can work: SGB VI section 43, SGB II section 8.
create table work_capacity (
	id uuid primary key,
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	band text not null check (band in ('under_3', '3_to_6', 'from_6')),
	stated_on date not null,
	source text not null,
	author_id uuid not null references account,
	written_at timestamptz not null
);
create index work_capacity_case on work_capacity (case_id);

create table case_phase (
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	phase text not null,
	began_on date not null,
	author_id uuid not null references account,
	written_at timestamptz not null,
	primary key (case_id, began_on)
);

-- The one whom the client turns to; without one it is the caseworker.
alter table case_file add column contact_id uuid references account;
