-- +goose Up
-- The Land whose holidays an organisation keeps, as in ISO 3166-2:DE; empty: nobody has said.
alter table organisation add column land text not null default '';
alter table organisation add constraint organisation_land check (land in
	('', 'BW', 'BY', 'BE', 'BB', 'HB', 'HH', 'HE', 'MV', 'NI', 'NW', 'RP', 'SL', 'SN', 'ST', 'SH', 'TH'));

-- An expert lets her calendar be read. Only what is in busy is kept of it.
create table busy_calendar (
	account_id uuid primary key references availability on delete cascade,
	organisation_id uuid not null references organisation,
	address bytea not null, -- sealed: whoever knows it can read the whole calendar
	added_at timestamptz not null,
	tried_at timestamptz,
	read_at timestamptz, -- last time that went well
	covered_until timestamptz, -- busy says nothing about what is later
	unread int not null default 0, -- entries that could not be understood
	etag text not null default '',
	modified text not null default '', -- Last-Modified, as it was sent
	due_at timestamptz not null, -- to be read from then on
	failures int not null default 0, -- in a row
	failed text not null default '', -- rule of the last failure; empty: it went well
	paused_at timestamptz -- it failed too often: nobody reads it until she says so
);
create index busy_calendar_due on busy_calendar (due_at) where paused_at is null;

create table busy (
	account_id uuid not null references busy_calendar on delete cascade,
	from_at timestamptz not null,
	until_at timestamptz not null check (until_at > from_at),
	primary key (account_id, from_at)
);
