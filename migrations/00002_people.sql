-- +goose Up
create table network (
	id uuid primary key,
	name text not null
);

create table organisation (
	id uuid primary key,
	network_id uuid not null references network,
	name text not null,
	kind text not null check (kind in ('jobcenter', 'provider', 'pool'))
);

create table account (
	id uuid primary key,
	organisation_id uuid not null references organisation,
	role text not null check (role in ('caseworker', 'coordinator', 'expert', 'admin')),
	name text not null,
	email text not null,
	password_hash text,
	rehearsal boolean not null default false,
	created_at timestamptz not null,
	disabled_at timestamptz
);
create unique index account_email on account (lower(email));
create index account_organisation on account (organisation_id);

-- A sign-in. Only the hash of its token is here: a copy of this table opens nothing.
create table session (
	id uuid primary key,
	token_hash bytea not null unique,
	account_id uuid not null references account on delete cascade,
	method text not null check (method in ('password', 'rehearsal')),
	device text not null,
	created_at timestamptz not null,
	seen_at timestamptz not null,
	expires_at timestamptz not null,
	ended_at timestamptz
);
create index session_account on session (account_id);

-- A link in a mail: bound to one person, one purpose and one subject, kept as a hash.
create table link (
	token_hash bytea primary key,
	account_id uuid not null references account on delete cascade,
	purpose text not null check (purpose in ('invitation', 'measure', 'follow_up')),
	subject_id uuid not null,
	created_at timestamptz not null,
	expires_at timestamptz not null
);
create index link_subject on link (subject_id);

create table expert (
	account_id uuid primary key references account on delete cascade,
	network_id uuid not null references network,
	organisation_id uuid not null references organisation,
	discipline text not null,
	specialty text not null default '',
	place text not null default '',
	languages text[] not null default '{de}',
	hours_per_month int not null default 2 check (hours_per_month between 0 and 200),
	active boolean not null default true
);
create index expert_discipline on expert (network_id, discipline) where active;
