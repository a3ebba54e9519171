-- +goose Up
-- What a version of an opinion says to the part questions of the request. Who says nothing to one has no row for it.
create table opinion_part (
	opinion_id uuid not null,
	version int not null,
	part_id uuid not null references part_question,
	position text not null,
	reason text not null,
	primary key (opinion_id, version, part_id),
	foreign key (opinion_id, version) references opinion_version on delete cascade
);
create index opinion_part_part on opinion_part (part_id);

-- For whoever is not the author, out of the view that keeps opinions blind: the rule stands there alone.
create view opinion_part_open as
	select o.opinion_id, o.version, o.conference_id, o.account_id, o.at, q.position as number, q.text as question, p.position, p.reason
	from opinion_open o
	join opinion_part p on p.opinion_id = o.opinion_id and p.version = o.version
	join part_question q on q.id = p.part_id;

alter table opinion_part alter column reason set statistics 0;
