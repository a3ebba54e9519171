-- +goose Up
-- The agenda of a conference, once somebody has changed what is proposed or the conference has entered its first phase. Until then there is
-- no row, and the proposal follows the length and the guests.
create table agenda_phase (
	conference_id uuid not null references conference,
	organisation_id uuid not null references organisation,
	position smallint not null check (position between 0 and 11),
	kind text not null check (kind in ('opening', 'presentation', 'confirming', 'questions', 'recommendations', 'with_guest', 'decisions', 'own')),
	title text not null, -- empty: the word for its kind
	minutes smallint not null check (minutes between 1 and 120),
	owner text not null check (owner in ('moderator', 'caseworker', 'experts', 'guest', 'seat')),
	seat_id uuid references seat,
	since timestamptz, -- the conference is in this phase since then
	spent interval not null default '0', -- and has been before, all times together
	primary key (conference_id, position),
	check ((owner = 'seat') = (seat_id is not null)),
	check (kind <> 'own' or title <> '')
);
create unique index agenda_phase_now on agenda_phase (conference_id) where since is not null;
create index agenda_phase_seat on agenda_phase (seat_id) where seat_id is not null;
alter table agenda_phase alter column title set statistics 0;
