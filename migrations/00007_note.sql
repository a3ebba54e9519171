-- +goose Up
-- The shared note of a conference is a log; everything else here is derived from it.
create table note (
	id bigint generated always as identity primary key,
	conference_id uuid not null unique references conference,
	organisation_id uuid not null,
	sections text[] not null,
	state text not null check (state in ('open', 'sealed')),
	head_seq bigint not null default 0,
	head_hash bytea not null default '\x',
	epoch bigint not null default 0,
	sealed_at timestamptz
);

-- A client id belongs to one person for ever, so who wrote a character can be read from the log.
create table note_client (
	note_id bigint not null references note on delete cascade,
	client bigint not null,
	account_id uuid,
	primary key (note_id, client)
);

create table note_update (
	note_id bigint not null references note on delete cascade,
	seq bigint not null,
	account_id uuid,
	session_id uuid,
	at timestamptz not null,
	data bytea not null,
	hash bytea not null,
	primary key (note_id, seq)
);

create table note_snapshot (
	note_id bigint not null references note on delete cascade,
	upto_seq bigint not null,
	state bytea not null,
	at timestamptz not null,
	primary key (note_id, upto_seq)
);

create table note_section (
	note_id bigint not null references note on delete cascade,
	key text not null,
	text text not null,
	upto_seq bigint not null,
	primary key (note_id, key)
);
