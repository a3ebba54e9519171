-- +goose Up
-- When an expert can be asked, in her own words. Who has said nothing has no row here and may be asked for any time.
create table availability (
	account_id uuid primary key references expert on delete cascade,
	organisation_id uuid not null references organisation,
	zone text not null, -- where the clock hangs that the hours below are read from
	paused_at timestamptz, -- not to be asked since; null: may be asked
	changed_at timestamptz not null
);

-- The hours of an ordinary week, in minutes after midnight as the clock shows them. Weekdays as in ISO 8601: 1 is Monday.
create table availability_rule (
	account_id uuid not null references availability on delete cascade,
	weekday smallint not null check (weekday between 1 and 7),
	from_minute smallint not null check (from_minute >= 0 and from_minute % 30 = 0),
	until_minute smallint not null check (until_minute <= 1440 and until_minute % 30 = 0),
	check (until_minute > from_minute),
	primary key (account_id, weekday, from_minute)
);

-- Whole days on which she is not there, both ends included.
create table absence (
	id uuid primary key,
	account_id uuid not null references availability on delete cascade,
	first_day date not null,
	last_day date not null check (last_day >= first_day)
);
create index absence_account on absence (account_id, last_day);

-- Experts whom the coordination likes to ask together.
create table expert_group (
	id uuid primary key,
	network_id uuid not null references network,
	name text not null
);
create unique index expert_group_name on expert_group (network_id, lower(name));

create table expert_group_member (
	group_id uuid not null references expert_group on delete cascade,
	account_id uuid not null references expert on delete cascade,
	primary key (group_id, account_id)
);
create index expert_group_member_account on expert_group_member (account_id);

-- How often which place of a list of suggestions was taken. Neither who chose nor who was chosen is kept.
create table suggestion_pick (
	network_id uuid not null references network,
	month date not null,
	discipline text not null,
	rank int not null check (rank >= 0), -- 1: the first suggestion; 0: somebody who was advised against, or not in the list
	picks int not null,
	primary key (network_id, month, discipline, rank)
);
