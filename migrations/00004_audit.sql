-- +goose Up
create schema audit;

-- The last entry of each organisation's chain. Locked while an entry is appended, so the chain has one order.
create table audit.head (
	organisation_id uuid primary key,
	seq bigint not null,
	hash bytea not null
);

create table audit.entry (
	organisation_id uuid not null,
	seq bigint not null,
	at timestamptz not null,
	actor_id uuid,
	actor_role text not null,
	action text not null,
	object_kind text not null,
	object_id text not null,
	case_id uuid,
	reason text not null,
	hash bytea not null,
	primary key (organisation_id, seq)
);
create index entry_case on audit.entry (case_id, at) where case_id is not null;

-- +goose StatementBegin
create function audit.refuse() returns trigger language plpgsql as $$
begin
	raise exception 'audit entries are never changed or removed';
end $$;
-- +goose StatementEnd
create trigger entry_stays before update or delete on audit.entry for each row execute function audit.refuse();
create trigger entry_stays_whole before truncate on audit.entry for each statement execute function audit.refuse();
