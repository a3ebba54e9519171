-- +goose Up
-- What somebody had typed and the server did not have when the note was sealed, handed in afterwards. The sealed note and its
-- log stay as they are. Rows are numbered in the order in which they came: approved minutes hold the first of them, the
-- others came too late for the signature.
create table note_addendum (
	id bigint generated always as identity primary key,
	conference_id uuid not null references conference,
	organisation_id uuid not null references organisation,
	account_id uuid not null references account,
	section text not null,
	text text not null check (text <> ''),
	at timestamptz not null
);
create index note_addendum_conference on note_addendum (conference_id, id);
