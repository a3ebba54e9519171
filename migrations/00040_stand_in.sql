-- +goose Up
-- A place in a round has fallen free and its discipline has nobody: others are asked for the date as it stands, in waves.
create table stand_in_race (
	id uuid primary key,
	conference_id uuid not null references conference,
	organisation_id uuid not null,
	discipline text not null,
	starts_at timestamptz not null, -- of the conference: a date that moves ends the race
	state text not null check (state in ('running', 'filled', 'nobody', 'ended')),
	outcome text not null default '' check (outcome in ('', 'opinion', 'without', 'moved')), -- what the coordination chose instead
	wave int not null default 0, -- how many have gone out
	next_at timestamptz, -- when to look again
	began_at timestamptz not null,
	began_by uuid references account, -- null: the server, because the conference is near
	ended_at timestamptz
);
create unique index stand_in_race_one_running on stand_in_race (conference_id, discipline) where state = 'running';

create table stand_in_offer (
	id uuid primary key,
	race_id uuid not null references stand_in_race on delete cascade,
	organisation_id uuid not null,
	account_id uuid not null references account,
	position int not null, -- in which order they are asked
	state text not null check (state in ('waiting', 'asked', 'declined', 'taken', 'thanked')),
	asked_at timestamptz,
	answered_at timestamptz,
	unique (race_id, account_id)
);
create unique index stand_in_offer_one_taken on stand_in_offer (race_id) where state = 'taken';
create index stand_in_offer_account on stand_in_offer (account_id);

alter table conference add column stand_in_auto boolean not null default true;
