-- +goose Up
-- What has to be answered for the question of a request to be answered. These are words of the case, like the question itself.
create table part_question (
	id uuid primary key,
	request_id uuid not null references conference_request,
	organisation_id uuid not null references organisation,
	position int not null check (position between 1 and 6),
	text text not null,
	disciplines text[] not null default '{}', -- one of them can answer it,
	topics text[] not null default '{}', -- or who knows about one of these; with neither, what the text says by itself
	unique (request_id, position)
);
