-- +goose Up
-- Searches are answered from memory: every node keeps an index of the directory and asks, before it answers, which experts have
-- changed since it last looked. So each row says which transaction wrote it last. A number taken from a sequence would not do,
-- because what takes a lower one may commit later; whether a transaction was to be seen in an earlier snapshot is certain.
alter table expert add column changed xid8 not null default '0';
create index expert_changed on expert (network_id, changed);

-- +goose StatementBegin
create or replace function expert_words() returns trigger language plpgsql as $$
declare
	person text;
	house text;
begin
	select name, disabled_at is not null into person, new.shut from account where id = new.account_id;
	select name into house from organisation where id = new.organisation_id;
	new.sort_name := left(de_fold(coalesce(person, '')), 80);
	new.words := de_fold(concat_ws(' | ', person, house, new.specialty, array_to_string(new.topics, ' | '), new.place));
	new.changed := pg_current_xact_id();
	return new;
end $$;
-- +goose StatementEnd

-- What changes a directory and leaves no row that could say so: experts who are deleted or go to another network, and places (then
-- there is no network). A row for each transaction that did so; whom it was about is not kept.
create table directory_event (
	network_id uuid references network on delete cascade,
	written xid8 not null,
	unique nulls not distinct (written, network_id)
);

-- +goose StatementBegin
create function directory_event() returns trigger language plpgsql as $$
declare
	network uuid;
begin
	if tg_table_name = 'expert' then
		network := old.network_id;
	end if;
	insert into directory_event (network_id, written) values (network, pg_current_xact_id()) on conflict do nothing;
	return null;
end $$;
-- +goose StatementEnd
create trigger directory_event after delete on expert for each row execute function directory_event();
create trigger directory_moved after update of network_id on expert
	for each row when (old.network_id <> new.network_id) execute function directory_event();
create trigger directory_event after insert or update or delete or truncate on postcode_area
	for each statement execute function directory_event();

-- Nobody asks the database for words, facets and regions of experts any more. tsv stays: the words as the dictionary stems them.
drop index expert_tsv, expert_trigrams, expert_facets, expert_sorted, expert_kind, expert_region;
alter table expert drop column kind;
