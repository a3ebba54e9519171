-- +goose Up
-- What the search reads of an expert. Words are free text, folded by de_fold: her name, her organisation's, what she says about
-- herself. Facets are everything that stands in a list, each value with a letter for its kind. Both keep themselves up to date,
-- whoever writes the row, and whoever renames or disables the person.
-- +goose StatementBegin
create function expert_facets(discipline text, profession text, specialties text[], languages text[], modes text[]) returns text[]
language sql immutable parallel safe
as $$
	select array['d:' || discipline]
		|| case when profession = '' then '{}'::text[] else array['p:' || profession] end
		|| array(select 's:' || v from unnest(specialties) v)
		|| array(select 'l:' || v from unnest(languages) v)
		|| array(select 'm:' || v from unnest(modes) v)
$$;
-- +goose StatementEnd

alter table expert
	add column sort_name text not null default '',
	add column words text not null default '',
	add column shut boolean not null default false, -- her account is disabled
	add column facets text[] not null generated always as (expert_facets(discipline, profession, specialties, languages, modes)) stored,
	-- Experts with the same facets are of one kind: counting whole numbers is far quicker than counting words.
	add column kind bigint not null generated always as (hash_array_extended(expert_facets(discipline, profession, specialties, languages, modes), 0)) stored;

-- +goose StatementBegin
create function expert_words() returns trigger language plpgsql as $$
declare
	person text;
	house text;
begin
	select name, disabled_at is not null into person, new.shut from account where id = new.account_id;
	select name into house from organisation where id = new.organisation_id;
	new.sort_name := left(de_fold(coalesce(person, '')), 80);
	new.words := de_fold(concat_ws(' | ', person, house, new.specialty, array_to_string(new.topics, ' | '), new.place));
	return new;
end $$;
-- +goose StatementEnd
create trigger expert_words before insert or update on expert for each row execute function expert_words();

-- +goose StatementBegin
create function expert_reread() returns trigger language plpgsql as $$
begin
	if tg_table_name = 'account' then
		update expert set words = '' where account_id = new.id;
	else
		update expert set words = '' where organisation_id = new.id;
	end if;
	return null;
end $$;
-- +goose StatementEnd
create trigger expert_reread after update of name, disabled_at on account for each row execute function expert_reread();
create trigger expert_reread after update of name on organisation for each row execute function expert_reread();
update expert set words = '';

alter table expert add column tsv tsvector not null generated always as (to_tsvector('german', words)) stored;
create index expert_tsv on expert using gin (tsv);
create index expert_trigrams on expert using gin (words gin_trgm_ops);
create index expert_facets on expert using gin (facets);
create index expert_sorted on expert (network_id, sort_name, account_id) where active and not shut;
create index expert_kind on expert (network_id, kind) where active and not shut;
create index expert_region on expert (network_id, left(postcode, 2)) where active and not shut;

-- Where postcodes are, as the operator has brought them. Without any the program knows the middle of each region of two digits.
create table postcode_area (
	code text primary key check (code ~ '^[0-9]{5}$'),
	lat double precision not null check (lat between -90 and 90),
	lon double precision not null check (lon between -180 and 180),
	place text not null
);
