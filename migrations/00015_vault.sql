-- Whoever changes the schemas vault and audit after this one begins with "set local role" to the schema's owner where it is a role of
-- its own: package migrations has given it away.

-- +goose Up
-- The seal of an identity names the key that wrapped its data key on that day; wrapping anew leaves the seal as it is. An erased
-- identity keeps its line, so that everybody who asks is told, and nothing else.
alter table vault.identity
	add column sealed_under text,
	add column indexed boolean not null default false,
	add column erased_at timestamptz;
update vault.identity set sealed_under = key_id;
alter table vault.identity
	alter column key_id drop not null,
	alter column wrapped_key drop not null,
	alter column sealed drop not null,
	add check (num_nonnulls(key_id, wrapped_key, sealed, sealed_under) = case when erased_at is null then 4 else 0 end);
create index identity_key on vault.identity (key_id);

-- Which key-encryption key seals, and under it the key of the blind index. One row.
create table vault.ring (
	one boolean primary key default true check (one),
	key_id text not null,
	wrapped_index bytea not null,
	changed_at timestamptz not null
);

-- By what a person is found: keyed hashes, never the name. They differ from one organisation to the next.
create table vault.blind (
	case_id uuid not null references vault.identity,
	kind text not null check (kind in ('name', 'sound', 'number', 'born')),
	mac bytea not null,
	primary key (case_id, kind, mac)
);
create index blind_mac on vault.blind (mac);

-- Which pseudonym stands for which case towards whom. Nothing else in the database needs to link two of them.
create table vault.alias (
	pseudonym text primary key,
	domain text not null check (domain in ('conference', 'organisation')),
	domain_id uuid not null, -- the request that leads to the conference, or the organisation that receives something
	case_id uuid not null,
	organisation_id uuid not null,
	unique (domain, domain_id, case_id)
);
create index alias_case on vault.alias (case_id);
insert into vault.alias (pseudonym, domain, domain_id, case_id, organisation_id)
select code, 'conference', request_id, case_id, organisation_id from conference;

-- A conference has its pseudonym from the request on, and something short to say aloud.
alter table conference_request add column code text unique;
update conference_request r set code = c.code from conference c where c.request_id = r.id;
alter table conference add column spoken text not null default '';
create unique index conference_spoken on conference (spoken)
	where spoken <> '' and state not in ('closed', 'cancelled', 'sealed');

-- Looking at who the client of somebody else's case is takes two: one asks, a colleague agrees, for a quarter of an hour.
create table reveal_request (
	id uuid primary key,
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	asked_by uuid not null references account,
	reason text not null,
	asked_at timestamptz not null,
	decided_by uuid references account,
	decided_at timestamptz,
	granted boolean,
	check (num_nonnulls(decided_by, decided_at, granted) in (0, 3)),
	check (decided_by <> asked_by)
);
create index reveal_request_case on reveal_request (case_id, asked_at);
create index reveal_request_waiting on reveal_request (organisation_id) where decided_at is null;
