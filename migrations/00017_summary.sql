-- +goose Up
-- Four eyes: draft → checked → released → replaced, and from everywhere to sealed. The author and the one who releases are two
-- people, unless the house has one only and says so in a reason.
alter table organisation add column single_release boolean not null default false;

-- Headings and prompts of the five fields of a summary, for a project or a kind of question. A row is never changed: who edits a
-- template replaces it, so that a summary keeps the headings under which it was written.
create table summary_template (
	id uuid primary key,
	organisation_id uuid not null references organisation,
	name text not null,
	fields jsonb not null,
	made_by uuid not null references account,
	made_at timestamptz not null,
	retired_at timestamptz
);
create unique index summary_template_name on summary_template (organisation_id, name) where retired_at is null;

alter table case_summary drop constraint case_summary_state_check;
alter table case_summary
	add constraint case_summary_state_check check (state in ('draft', 'checked', 'released', 'replaced', 'sealed')),
	add column template_id uuid references summary_template,
	add column checked_by uuid references account,
	add column checked_at timestamptz,
	add column check_reason text not null default '', -- why sure findings of the name guard may stay
	add column single_reason text not null default ''; -- why nobody else could release it
-- Not valid: what was released before there was this rule stays as it is.
alter table case_summary add constraint case_summary_four_eyes
	check (state <> 'released' or released_by <> author_id or single_reason <> '') not valid;

-- Before the case is shown, an invited expert says whether she knows the person.
alter table invitation
	add column declared text check (declared in ('none', 'knows', 'treats', 'conflict')),
	add column declared_at timestamptz,
	add check ((declared is null) = (declared_at is null));

-- From when on invited experts may read; null: from their answer on.
alter table conference add column visible_from timestamptz;

-- What an expert misses in a case. Overdue is computed.
create table information_request (
	id uuid primary key,
	conference_id uuid not null references conference,
	organisation_id uuid not null,
	asked_by uuid not null references account,
	question text not null,
	due_on date not null,
	state text not null check (state in ('open', 'answered', 'withdrawn')),
	asked_at timestamptz not null,
	answer text not null default '',
	answered_by uuid references account,
	answered_at timestamptz,
	check ((state = 'answered') = (answered_at is not null))
);
create index information_request_conference on information_request (conference_id);
create index information_request_open on information_request (organisation_id) where state = 'open';

-- A picture or document of a case, made harmless before it came here. The bytes are in attachment_chunk, sealed under a key of
-- its own that the key of this installation's files wraps.
create table attachment (
	id uuid primary key,
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	title text not null,
	kind text not null check (kind in ('image/png', 'image/jpeg', 'application/pdf')),
	size int not null check (size > 0),
	pages int not null check (pages > 0),
	unread boolean not null, -- there is something in it that the name guard could not read
	state text not null check (state in ('draft', 'released')),
	key_id text not null,
	wrapped_key bytea not null,
	uploaded_by uuid not null references account,
	uploaded_at timestamptz not null,
	released_by uuid references account,
	released_at timestamptz,
	single_reason text not null default '',
	check ((state = 'released') = (released_at is not null)),
	check (released_by <> uploaded_by or single_reason <> '')
);
create index attachment_case on attachment (case_id);

create table attachment_chunk (
	attachment_id uuid not null references attachment on delete cascade,
	n int not null,
	sealed bytea not null,
	primary key (attachment_id, n)
);
