-- +goose Up
-- A passage that was taken out of a note for good. Who did it, where and when stays; not what it said, nor how long it was.
create table note_redaction (
	id bigint generated always as identity primary key,
	note_id bigint not null references note on delete cascade,
	organisation_id uuid not null,
	section text not null,
	account_id uuid not null references account,
	at timestamptz not null,
	purged_at timestamptz -- null: pages and logs of the database may still hold bytes of it
);
create index note_redaction_note on note_redaction (note_id, id);
create index note_redaction_unpurged on note_redaction (id) where purged_at is null;

-- The log begins after this sequence: what was before has been written anew without the passage. Whoever still has a document
-- from before tells by it that it is of no more use.
alter table note add column base_seq bigint not null default 0;

-- A client id of a document from before a redaction: how many units of it the log had. Nothing under it is ever taken again.
alter table note_client add column retired bigint;

-- Statistics keep samples of what a column holds, where no redaction finds them. None of these is ever planned by.
alter table note_update alter column data set statistics 0;
alter table note_snapshot alter column state set statistics 0;
alter table note_section alter column text set statistics 0;
alter table note_section alter column tsv set statistics 0;
alter index note_section_trigrams alter column 1 set statistics 0;
