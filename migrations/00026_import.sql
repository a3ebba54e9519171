-- +goose Up
-- A file that somebody has brought to the directory: read first, applied when she says so, and taken back if she likes within a week.
-- Then it goes, with everything that hangs on it; the record keeps that it was.
create table exchange_batch (
	id uuid primary key,
	network_id uuid not null references network,
	organisation_id uuid not null references organisation, -- whose the new experts are
	made_by uuid not null references account,
	made_at timestamptz not null,
	file_name text not null,
	format text not null check (format in ('csv', 'vcard', 'fhir')),
	file bytea not null, -- as it came: columns can be named anew, wrong lines be given back
	discipline text not null default '', -- of those of whom the file says none
	columns text[] not null default '{}', -- a field for each column of a table, '' for none
	state text not null default 'read' check (state in ('read', 'applying', 'applied', 'undoing', 'undone')),
	stepped_at timestamptz not null -- when it came into this state
);
create index exchange_batch_network on exchange_batch (network_id, made_at);
create index exchange_batch_works on exchange_batch (stepped_at) where state in ('applying', 'undoing');

create table exchange_row (
	batch_id uuid not null references exchange_batch on delete cascade,
	number int not null, -- of the line, the card or the entry
	state text not null check (state in ('new', 'changed', 'unchanged', 'wrong')),
	value jsonb not null, -- exchange.Row, as it will be
	before jsonb, -- expertpool.Profile of whoever is changed
	expert_id uuid, -- who is changed, or was added
	perhaps_id uuid, -- who may be the same as somebody new
	applied_at timestamptz,
	undone text not null default '' check (undone in ('', 'done', 'used', 'changed')), -- the latter two: it stays, for this reason
	primary key (batch_id, number)
);
create index exchange_row_state on exchange_row (batch_id, state, number);
create index exchange_row_waits on exchange_row (batch_id, number) where applied_at is null and state in ('new', 'changed');

-- Whoever is taken out of the directory might look after others: without this every entry would be read to know that she does not.
create index expert_owner on expert (owner_id) where owner_id is not null;
