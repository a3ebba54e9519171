-- +goose Up
-- How somebody wants her dates marked: private hides them from whoever looks into her calendar (RFC 5545 §3.8.1.3).
create table calendar_choice (
	account_id uuid primary key references account on delete cascade,
	private boolean not null
);

-- What a mail that came in said, in one word or code, as far as its log tells it.
alter table message_in add column detail text not null default '';

-- An invitation that somebody sends to herself, to see what her calendar makes of it. She has one at a time; it belongs to no case.
create table test_invitation (
	id uuid primary key, -- and the thread of its mails
	account_id uuid not null unique references account on delete cascade,
	organisation_id uuid not null,
	uid text not null unique,
	sequence int not null,
	stamped_at timestamptz not null,
	organizer text not null,
	starts_at timestamptz not null,
	ends_at timestamptz not null check (ends_at > starts_at),
	step text not null check (step in ('asked', 'moved', 'cancelled')),
	ticks text[] not null default '{}' -- what she saw in her calendar
);
create table test_answer (
	id bigint generated always as identity primary key,
	test_id uuid not null references test_invitation on delete cascade,
	at timestamptz not null,
	said text not null check (said in ('accepted', 'tentative', 'declined', 'proposed', 'asked_again', 'came_back', 'unclear')),
	sequence int not null
);
create index test_answer_test on test_answer (test_id, id);
