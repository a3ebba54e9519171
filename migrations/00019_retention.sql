-- +goose Up
-- How long an organisation keeps what, where it differs from the program's own terms. Longer than those needs a reason.
create table retention (
	organisation_id uuid not null references organisation,
	class text not null,
	days int not null check (days between 0 and 3650),
	reason text not null,
	set_by uuid not null references account,
	set_at timestamptz not null,
	primary key (organisation_id, class)
);

-- An objection or a court case that is open: until then nothing of the case is deleted, however due it is.
create table legal_hold (
	id uuid primary key,
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	reason text not null,
	until date not null,
	set_by uuid not null references account,
	set_at timestamptz not null,
	lifted_at timestamptz
);
create unique index legal_hold_one on legal_hold (case_id) where lifted_at is null;

-- What the sweep has deleted: which kind, how much, when. No line says of whom.
create table deletion (
	id uuid primary key,
	organisation_id uuid not null,
	class text not null,
	counted int not null,
	at timestamptz not null,
	purged_at timestamptz -- null: pages and logs of the database may still hold bytes of it
);
create index deletion_organisation on deletion (organisation_id, at);
create index deletion_unpurged on deletion (id) where purged_at is null;

-- Cases that are gone are named by deleted_at, and in a file beside the database, which a backup of the database does not bring back.
alter table case_file
	add column left_on date, -- the client has left the project
	add column deleted_at timestamptz; -- only the proof of consent is left

-- Statistics keep samples of what a column holds, where no deletion finds them. None of these is ever planned by.
alter table case_summary alter column situation set statistics 0, alter column resources set statistics 0, alter column tried set statistics 0,
	alter column goals set statistics 0, alter column limits set statistics 0;
alter table conference_request alter column question set statistics 0, alter column own_wish set statistics 0;
alter table conference alter column question set statistics 0;
alter table measure alter column what set statistics 0, alter column reason set statistics 0;
alter table measure_event alter column reason set statistics 0;
alter table icf_observation alter column note set statistics 0;
alter table note_addendum alter column text set statistics 0;
alter table information_request alter column question set statistics 0, alter column answer set statistics 0;
alter table attachment alter column title set statistics 0;
alter table invitation alter column comment set statistics 0;
alter table response alter column comment set statistics 0;
alter table minutes alter column decisions set statistics 0, alter column body set statistics 0;
