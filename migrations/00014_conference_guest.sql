-- +goose Up
-- Who takes part in a conference without an account. A guest is a link on paper or in a message: no name is kept.
create table conference_guest (
	id uuid primary key,
	conference_id uuid not null references conference,
	organisation_id uuid not null,
	kind text not null check (kind in ('client', 'trusted', 'interpreter')),
	token_hash bytea not null unique,
	confirmed text not null, -- version of the sentence that the person was there for and agreed to
	created_at timestamptz not null,
	created_by uuid not null references account,
	browser_hash bytea, -- of the first browser that asked to come in: the link is its
	bound_at timestamptz,
	attended_at timestamptz,
	left_at timestamptz,
	revoked_at timestamptz,
	check ((browser_hash is null) = (bound_at is null))
);
create index conference_guest_conference on conference_guest (conference_id);

-- What moderators did in the room, and who confirmed the roll call. It is read for the minutes and to keep out who was removed.
create table room_deed (
	id bigint generated always as identity primary key,
	conference_id uuid not null references conference,
	organisation_id uuid not null,
	at timestamptz not null,
	did text not null check (did in ('admit', 'deny', 'return', 'remove', 'lock', 'unlock', 'phase_guest', 'phase_experts', 'roll', 'roll_end', 'present')),
	account_id uuid references account, -- who did it; null: a guest, or nobody in particular
	person uuid, -- to whom: an account, or a browser of a guest
	guest_id uuid references conference_guest
);
create index room_deed_conference on room_deed (conference_id, person);
