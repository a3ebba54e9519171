-- +goose Up
create table conference_request (
	id uuid primary key,
	organisation_id uuid not null references organisation,
	case_id uuid not null references case_file,
	caseworker_id uuid not null references account,
	question text not null,
	urgency text not null check (urgency in ('normal', 'urgent')),
	disciplines text[] not null check (cardinality(disciplines) > 0),
	own_wish text not null,
	state text not null check (state in ('submitted', 'allocated', 'declined', 'withdrawn')),
	submitted_at timestamptz not null,
	decided_at timestamptz,
	decided_by uuid references account,
	reason text not null default ''
);
create index conference_request_organisation on conference_request (organisation_id, state);

create table conference (
	id uuid primary key,
	code text not null unique,
	organisation_id uuid not null references organisation,
	case_id uuid not null references case_file,
	request_id uuid not null unique references conference_request,
	moderator_id uuid not null references account,
	question text not null,
	state text not null check (state in ('inviting', 'quorate', 'live', 'minutes_draft', 'approved', 'closed', 'cancelled', 'sealed')),
	starts_at timestamptz not null,
	ends_at timestamptz not null check (ends_at > starts_at),
	zone text not null,
	created_at timestamptz not null,
	opened_at timestamptz,
	ended_at timestamptz
);
create index conference_organisation on conference (organisation_id, starts_at);
create index conference_case on conference (case_id);

create table seat (
	id uuid primary key,
	conference_id uuid not null references conference,
	organisation_id uuid not null,
	account_id uuid not null references account,
	role text not null check (role in ('moderator', 'caseworker', 'expert')),
	discipline text not null default '',
	required boolean not null default true,
	attended_at timestamptz,
	left_at timestamptz,
	unique (conference_id, account_id)
);
create index seat_account on seat (account_id);

create table invitation (
	id uuid primary key,
	conference_id uuid not null references conference,
	seat_id uuid not null references seat,
	organisation_id uuid not null,
	account_id uuid not null references account,
	uid text not null unique,
	sequence int not null,
	stamped_at timestamptz not null,
	organizer text not null,
	state text not null check (state in ('offered', 'tentative', 'accepted', 'declined', 'cancelled')),
	answered_at timestamptz,
	comment text not null default ''
);
create unique index invitation_one_standing on invitation (seat_id) where state <> 'cancelled';
create index invitation_account on invitation (account_id);
create index invitation_conference on invitation (conference_id);

-- Every answer ever given, with the date it was given for.
create table response (
	id bigint generated always as identity primary key,
	invitation_id uuid not null references invitation,
	organisation_id uuid not null,
	at timestamptz not null,
	source text not null check (source in ('web', 'mail', 'coordinator')),
	answer text not null,
	sequence int not null,
	comment text not null default ''
);
create index response_invitation on response (invitation_id);

create table minutes (
	conference_id uuid primary key references conference,
	organisation_id uuid not null,
	state text not null check (state in ('draft', 'approved')),
	decisions text, -- null: what stands under decisions in the notes
	body jsonb,
	sha256 bytea,
	changed_at timestamptz not null,
	approved_by uuid references account,
	approved_at timestamptz,
	check ((state = 'approved') = (body is not null and sha256 is not null and approved_by is not null and approved_at is not null))
);

-- +goose StatementBegin
create function minutes_stay() returns trigger language plpgsql as $$
begin
	if old.state = 'approved' then
		raise exception 'approved minutes are never changed';
	end if;
	return new;
end $$;
-- +goose StatementEnd
create trigger minutes_stay before update on minutes for each row execute function minutes_stay();
