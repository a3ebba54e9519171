-- +goose Up
-- A question for dates: which of a few dates those can keep of whom it is not known. It belongs to a request and goes with its case.
-- Options are instants: what clocks do changes no vote.
create table poll (
	id uuid primary key,
	organisation_id uuid not null references organisation,
	case_id uuid references case_file, -- null: of a request without one
	request_id uuid not null references conference_request,
	code text not null, -- what the conference will be called
	length_minutes int not null check (length_minutes between 15 and 240),
	land text not null, -- whose holidays count; empty: those of all Länder
	started_by uuid not null references account,
	started_at timestamptz not null,
	deadline_at timestamptz not null,
	answered_at timestamptz, -- everybody who is asked has; whoever has started it was told
	closed_at timestamptz,
	closed text check (closed in ('confirmed', 'convened', 'closed', 'declined', 'withdrawn', 'consent_ended', 'expert_left', 'passed')),
	check ((closed_at is null) = (closed is null))
);
create unique index poll_one_open on poll (request_id) where closed_at is null;
create index poll_case on poll (case_id);

create table poll_seat (
	poll_id uuid not null references poll on delete cascade,
	place smallint not null,
	organisation_id uuid not null,
	discipline text not null,
	expert_id uuid references account, -- null: anybody of the discipline
	optional boolean not null,
	held_by uuid references account, -- whose time is kept free while an option is held
	primary key (poll_id, place)
);
create index poll_seat_held on poll_seat (held_by) where held_by is not null;

create table poll_option (
	id uuid primary key,
	poll_id uuid not null references poll on delete cascade,
	organisation_id uuid not null,
	starts_at timestamptz not null,
	held_until timestamptz,
	released_at timestamptz, -- was held and given back
	unique (poll_id, starts_at)
);
create unique index poll_option_one_held on poll_option (poll_id) where held_until is not null;

-- Somebody whose time matters. Who has no asked_at is known from her hours and gets no mail.
create table poll_voice (
	id uuid primary key,
	poll_id uuid not null references poll on delete cascade,
	organisation_id uuid not null,
	account_id uuid not null references account,
	discipline text not null,
	house int not null, -- people of one house are not seated together; 0: of none
	asked_at timestamptz,
	answered_at timestamptz,
	note text not null default '',
	other_at timestamptz, -- when she would rather come
	reminded_at timestamptz,
	reminders smallint not null default 0, -- that went by themselves
	unique (poll_id, account_id)
);
create index poll_voice_account on poll_voice (account_id);

create table poll_vote (
	voice_id uuid not null references poll_voice on delete cascade,
	option_id uuid not null references poll_option on delete cascade,
	organisation_id uuid not null,
	vote text not null check (vote in ('yes', 'if_need_be', 'no')),
	known boolean not null, -- from her hours and promises, not said by her
	primary key (voice_id, option_id)
);
create index poll_vote_option on poll_vote (option_id);

alter table link drop constraint link_purpose_check;
alter table link add constraint link_purpose_check
	check (purpose in ('invitation', 'measure', 'follow_up', 'setup', 'reset', 'listing', 'feed', 'poll'));
