-- +goose Up
-- A conference is held by video, or in writing: each expert answers on her own until ends_at, and there is no date. In a conference
-- by video single experts may answer in writing, too, instead of coming.
alter table conference add column form text not null default 'video' check (form in ('video', 'written'));
alter table seat add column written boolean not null default false;

-- Written opinions (Votum). A conference that has a round asks everybody who has accepted and has no tie; nobody reads what others
-- wrote before it is opened.
create table opinion_round (
	conference_id uuid primary key references conference,
	organisation_id uuid not null references organisation,
	scale text not null check (scale in ('tendency', 'hours')),
	begun_at timestamptz not null,
	opened_at timestamptz,
	opened_by uuid references account, -- null: nobody, since all had answered or the time was up
	opened_why text check (opened_why in ('all', 'moderator', 'end', 'deadline')),
	check ((opened_at is null) = (opened_why is null))
);

create table opinion (
	id uuid primary key,
	conference_id uuid not null references conference,
	organisation_id uuid not null references organisation,
	account_id uuid not null references account,
	asked_at timestamptz, -- by mail
	reminded_at timestamptz,
	draft jsonb, -- what she has typed and not sent; goes when she sends it and when the round is opened
	sent_at timestamptz, -- for the first time
	late boolean not null default false, -- first sent after the opening, having read the others
	spent_minutes int check (spent_minutes between 1 and 240),
	unique (conference_id, account_id)
);
create index opinion_account on opinion (account_id) where sent_at is null;

-- What was sent, each correction as a version of its own.
create table opinion_version (
	opinion_id uuid not null references opinion on delete cascade,
	version int not null,
	position text not null,
	words text not null,
	reason text not null,
	missing text not null,
	confidence text not null check (confidence in ('sure', 'rather', 'unsure')),
	at timestamptz not null,
	primary key (opinion_id, version)
);

-- What somebody adds after the opening, when nothing that was sent changes any more.
create table opinion_addendum (
	id bigint generated always as identity primary key,
	opinion_id uuid not null references opinion on delete cascade,
	text text not null check (text <> ''),
	at timestamptz not null
);
create index opinion_addendum_opinion on opinion_addendum (opinion_id, id);

-- The rule that opinions are blind, for all queries: whoever is not the author reads them here, and there is nothing here before
-- the opening.
create view opinion_open as
	select v.opinion_id, v.version, v.version = max(v.version) over (partition by v.opinion_id) as stands, o.conference_id, o.organisation_id, o.account_id,
		o.late, v.position, v.words, v.reason, v.missing, v.confidence, v.at
	from opinion_version v
	join opinion o on o.id = v.opinion_id
	join opinion_round r on r.conference_id = o.conference_id
	where r.opened_at is not null;

-- Which documents there are, the program says.
alter table guard_override drop constraint if exists guard_override_document_check;
alter table guard_override add constraint guard_override_document_check check (document ~ '^[a-z_]+$');

alter table opinion alter column draft set statistics 0;
alter table opinion_version alter column words set statistics 0, alter column reason set statistics 0, alter column missing set statistics 0;
alter table opinion_addendum alter column text set statistics 0;
