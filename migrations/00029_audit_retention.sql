-- +goose Up
-- The record forgets: who acted is known for a year, the entries are there for as long as the organisation's term says.
--
-- The chain of entries holds pseudonyms instead of ids of accounts. Each is the beginning of a hash of the id and a salt of its own,
-- so that what it stands for can be proved while the salt is there, and not be guessed once it is gone.
create temp table belongs on commit drop as
	select a.id, a.organisation_id, coalesce(x.discipline, '') as discipline from account a left join expert x on x.account_id = a.id;
grant select on belongs to public;
select set_config('role', pg_get_userbyid(nspowner), true) from pg_namespace where nspname = 'audit';

create table audit.known (
	pseudonym uuid primary key,
	organisation_id uuid not null, -- whose chain it stands in
	month date not null, -- of the entries where it stands: the first of the month
	id uuid, -- the account, or whatever else an entry that belongs to no case is about; null: forgotten
	salt bytea,
	home_id uuid, -- the organisation of the account
	discipline text not null,
	unique (organisation_id, month, id),
	check ((id is null) = (salt is null))
);
create index known_text on audit.known ((pseudonym::text));
create index known_month on audit.known (organisation_id, month) where id is not null;

-- From where on the entries of a chain are there: what was before has gone by the organisation's term.
alter table audit.head
	add column base_seq bigint not null default 0,
	add column base_hash bytea not null default '',
	add column base_at timestamptz; -- null: nothing was cut

drop trigger entry_stays on audit.entry;
drop trigger entry_stays_whole on audit.entry;
alter table audit.entry rename to chain;
alter table audit.chain rename column actor_id to actor;

-- +goose StatementBegin
create function audit.linked(prev bytea, e audit.chain) returns bytea language sql immutable as $$
	select sha256(string_agg(int4send(length(part)) || part, ''::bytea order by n))
	from unnest(array[
		prev, uuid_send(e.organisation_id), int8send(e.seq), int8send((extract(epoch from e.at) * 1000000)::bigint),
		uuid_send(coalesce(e.actor, '00000000-0000-0000-0000-000000000000')), uuid_send(coalesce(e.case_id, '00000000-0000-0000-0000-000000000000')),
		convert_to(e.actor_role, 'UTF8'), convert_to(e.action, 'UTF8'), convert_to(e.object_kind, 'UTF8'), convert_to(e.object_id, 'UTF8'),
		convert_to(e.reason, 'UTF8')
	]) with ordinality as field (part, n)
$$;
create function audit.pseudonym_of(whose uuid, which uuid, at timestamptz) returns uuid language plpgsql as $$
declare
	first date := date_trunc('month', at at time zone 'UTC');
	found uuid;
	grain bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
begin
	select k.pseudonym into found from audit.known k where k.organisation_id = whose and k.month = first and k.id = which;
	if found is null then
		found := encode(substring(sha256(grain || uuid_send(which)) for 16), 'hex')::uuid;
		insert into audit.known values (found, whose, first, which, grain, (select b.organisation_id from pg_temp.belongs b where b.id = which),
			coalesce((select b.discipline from pg_temp.belongs b where b.id = which), ''));
	end if;
	return found;
end $$;

-- The entries that there are get pseudonyms, and their chain is linked anew; an entry says so and names the head of before. A chain that
-- does not hold stays as it is: it must not hold tomorrow either.
do $$
declare
	h audit.head;
	e audit.chain;
	prev bytea;
	n bigint;
	holds boolean;
begin
	for h in select * from audit.head where seq > 0 order by organisation_id loop
		prev := '';
		n := 0;
		holds := true;
		for e in select * from audit.chain where organisation_id = h.organisation_id order by seq loop
			n := n + 1;
			prev := audit.linked(prev, e);
			holds := holds and e.seq = n and e.hash = prev;
			exit when not holds;
		end loop;
		if not holds or n <> h.seq or prev <> h.hash then
			insert into audit.known
			select actor, organisation_id, date_trunc('month', min(at)), actor, '', null, '' from audit.chain
			where organisation_id = h.organisation_id and actor is not null group by 1, 2
			on conflict do nothing;
			continue;
		end if;
		prev := '';
		for e in select * from audit.chain where organisation_id = h.organisation_id order by seq loop
			if e.actor is not null then
				e.actor := audit.pseudonym_of(h.organisation_id, e.actor, e.at);
			end if;
			if e.object_id ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
				and (e.case_id is null or exists (select from pg_temp.belongs b where b.id = e.object_id::uuid)) then
				e.object_id := audit.pseudonym_of(h.organisation_id, e.object_id::uuid, e.at)::text;
			end if;
			prev := audit.linked(prev, e);
			update audit.chain set actor = e.actor, object_id = e.object_id, hash = prev where organisation_id = e.organisation_id and seq = e.seq;
		end loop;
		e := (h.organisation_id, h.seq + 1, now(), null, 'server', 'link_anew', 'audit', encode(h.hash, 'hex'), null, '', '');
		e.hash := audit.linked(prev, e);
		insert into audit.chain select e.*;
		update audit.head set seq = e.seq, hash = e.hash where organisation_id = h.organisation_id;
	end loop;
end $$;
-- +goose StatementEnd
drop function audit.pseudonym_of;
drop function audit.linked;

create index chain_actor on audit.chain (actor);
alter table audit.chain add foreign key (actor) references audit.known;

-- What people read: entries with the account for a pseudonym, as long as it is known.
create view audit.entry as
	select c.organisation_id, c.seq, c.at, who.id as actor_id, c.actor, who.home_id, coalesce(who.discipline, '') as discipline, c.actor_role, c.action,
		c.object_kind, coalesce(what.id::text, c.object_id) as object_id, c.case_id, c.reason
	from audit.chain c
	left join audit.known who on who.pseudonym = c.actor
	left join audit.known what on what.pseudonym::text = c.object_id;

-- +goose StatementBegin
create or replace function audit.refuse() returns trigger language plpgsql as $$
begin
	if tg_op = 'DELETE' then
		if old.seq <= (select base_seq from audit.head where organisation_id = old.organisation_id) then
			return old;
		end if;
	end if;
	raise exception 'audit entries are never changed, and removed only at the beginning of a chain that was cut';
end $$;
create function audit.only_forget() returns trigger language plpgsql as $$
begin
	if new.id is null and (new.pseudonym, new.organisation_id, new.month, new.home_id, new.discipline)
		is not distinct from (old.pseudonym, old.organisation_id, old.month, old.home_id, old.discipline) then
		return new;
	end if;
	raise exception 'what a pseudonym stands for is forgotten or stays';
end $$;
-- +goose StatementEnd
create trigger entry_stays before update or delete on audit.chain for each row execute function audit.refuse();
create trigger entry_stays_whole before truncate on audit.chain for each statement execute function audit.refuse();
create trigger known_stays before update on audit.known for each row execute function audit.only_forget();
reset role;

-- Which key-encryption key seals attachments. One row, from the first attachment on.
create table file_ring (
	one boolean primary key default true check (one),
	key_id text not null,
	changed_at timestamptz not null
);

-- A draft is deleted some weeks after it was written. Whoever wrote it is told a week before, and may keep it longer.
alter table case_summary
	add column kept_until date,
	add column reminded_at timestamptz;
