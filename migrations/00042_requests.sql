-- +goose Up
-- A request can be kept before it is ready, and can wait for an answer of the caseworker. An urgent one says until when and why; those
-- from before have neither. A coordinator can take one, so that two do not work on the same.
alter table conference_request drop constraint conference_request_state_check;
alter table conference_request drop constraint conference_request_disciplines_check;
alter table conference_request
	add check (state in ('draft', 'submitted', 'needs_info', 'allocated', 'declined', 'withdrawn')),
	add check (state = 'draft' or cardinality(disciplines) > 0),
	add column due_at timestamptz, -- local midnight: the end of the day before
	add column urgent_why text not null default '',
	add column taken_by uuid references account,
	add column taken_at timestamptz,
	add column asked_at timestamptz, -- since when it waits for an answer; its clock stands still
	add column paused interval not null default '0', -- how long it did before
	add column told_at timestamptz, -- when the coordination was told of it by mail
	add check (due_at is null or urgency = 'urgent'),
	add check ((taken_by is null) = (taken_at is null)),
	add check ((state = 'needs_info') = (asked_at is not null));
alter table conference_request alter column urgent_why set statistics 0;
update conference_request set told_at = submitted_at;
create unique index conference_request_one_draft on conference_request (case_id) where state = 'draft';
create index conference_request_untold on conference_request (submitted_at) where told_at is null;

-- What the coordination asks before it decides has no conference yet.
alter table information_request alter column conference_id drop not null;
alter table information_request
	add column request_id uuid references conference_request,
	add check (num_nonnulls(conference_id, request_id) = 1);
create index information_request_request on information_request (request_id);
create unique index information_request_one_open on information_request (request_id) where state = 'open';
