-- +goose Up
-- What calendars answer by mail: when they say they wrote it, and which mail it was.
alter table response
	add column stamp timestamptz,
	add column mail_id uuid references message_in on delete set null;

-- A mail to the person came back: the code of RFC 3463. Cleared when the next mail is sent.
alter table invitation
	add column undeliverable text not null default '',
	add column undeliverable_at timestamptz;

-- Another address that somebody answers from. A coordinator has said that it is hers.
create table mail_alias (
	email text primary key check (email = lower(email)),
	account_id uuid not null references account on delete cascade,
	confirmed_by uuid not null references account,
	confirmed_at timestamptz not null
);

-- An expert would rather come at another time.
create table proposal (
	id uuid primary key,
	invitation_id uuid not null references invitation,
	organisation_id uuid not null,
	sequence int not null,
	starts_at timestamptz not null,
	ends_at timestamptz not null check (ends_at > starts_at),
	comment text not null,
	source text not null check (source in ('web', 'mail')),
	made_at timestamptz not null,
	decided_at timestamptz,
	decided_by uuid references account,
	decision text check (decision in ('taken', 'refused', 'replaced')),
	check ((decided_at is null) = (decision is null))
);
create index proposal_invitation on proposal (invitation_id);
