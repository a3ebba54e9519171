-- +goose Up
-- A fixed weekly slot of the coordination: a rule, from which the days and their places follow. Each case that takes a place is a conference
-- of its own; the rule can change, and they stay where they are.
create table series (
	id uuid primary key,
	network_id uuid not null references network,
	name text not null,
	weekday smallint not null check (weekday between 1 and 5), -- Monday to Friday
	begins smallint not null check (begins between 0 and 1439), -- minutes after midnight on the clock
	zone text not null,
	places smallint not null check (places between 1 and 12),
	place_minutes smallint not null check (place_minutes between 5 and 240),
	land text not null, -- whose holidays it leaves out; empty: those of all Länder
	from_on date not null,
	until_on date check (until_on >= from_on), -- null: without an end
	group_id uuid references expert_group on delete set null -- who is asked as a rule
);
create unique index series_name on series (network_id, lower(name));
create index series_group on series (group_id);

-- A day on which a series is not held although its rule says so.
create table series_off (
	series_id uuid not null references series on delete cascade,
	on_day date not null,
	primary key (series_id, on_day)
);

-- A place is a series and when it begins; nobody else has it while the conference stands.
alter table conference add column series_id uuid references series;
create unique index conference_place on conference (series_id, starts_at) where series_id is not null and state not in ('cancelled', 'sealed');
