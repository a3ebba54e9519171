-- +goose Up
-- Mail that came in, as it came. It is kept before anybody reads it, so that an answer that cannot be understood is still there.
create table message_in (
	id uuid primary key,
	digest bytea not null unique, -- SHA-256 of mail and recipient: the same mail brought twice counts once
	received_at timestamptz not null,
	via text not null check (via in ('lmtp', 'imap')),
	recipient text not null,
	raw bytea not null,
	state text not null default 'waiting' check (state in ('waiting', 'done', 'kept', 'ignored', 'settled')),
	rule text not null default '', -- why it is kept or ignored
	thread text not null default '', -- of the mails out that it answers
	organisation_id uuid, -- whose coordinators look after it; null: anybody's
	attempts int not null default 0,
	settled_by uuid references account,
	settled_at timestamptz,
	check ((state = 'settled') = (settled_at is not null))
);
create index message_in_waiting on message_in (attempts, received_at) where state = 'waiting';
create index message_in_kept on message_in (received_at) where state = 'kept';
create index message_in_thread on message_in (thread) where thread <> '';
