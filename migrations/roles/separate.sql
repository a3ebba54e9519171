-- Four roles, none of which can sign in:
--   konsil_vault, konsil_audit  own the schemas vault and audit
--   konsil_door                 leads to both, by "set role" only: it passes no right on
--   konsil_app                  what the application works as where its login is a superuser: all that the login owns, and no more
-- One door for every version: before PostgreSQL 16 not passing rights on was a quality of a role, since then of a grant.
do $$
declare
	login name := session_user;
	super boolean := (select rolsuper from pg_roles where rolname = session_user);
	app name := case when super then 'konsil_app' else login end;
	owner name;
	area name;
	kind text;
	thing text;
begin
	if to_regnamespace('vault') is null or to_regnamespace('audit') is null then
		return; -- a database on its way
	end if;
	foreach owner in array array['konsil_vault', 'konsil_audit'] loop
		if not exists (select from pg_roles where rolname = owner) then
			execute format('create role %I nologin', owner);
		end if;
	end loop;
	if not exists (select from pg_roles where rolname = 'konsil_door') then
		create role konsil_door nologin noinherit in role konsil_vault, konsil_audit;
	end if;
	if super and not exists (select from pg_roles where rolname = 'konsil_app') then
		create role konsil_app nologin;
	end if;
	if super and not pg_has_role('konsil_app', login, 'member') then
		execute format('grant %I to konsil_app', login);
	end if;
	if not super and not pg_has_role(login, 'konsil_door', 'usage') then -- since PostgreSQL 16 who made a role is a member that may do nothing
		execute format('grant konsil_door to %I', login);
	end if;

	foreach area in array array['vault', 'audit'] loop
		owner := 'konsil_' || area;
		if (select nspowner::regrole::name from pg_namespace where nspname = area) <> owner then
			execute format('grant usage, create on schema %I to %I', area, owner); -- who gets a table must be able to make one there
		end if;
		for kind, thing in
			select case c.relkind when 'S' then 'sequence' when 'v' then 'view' else 'table' end, format('%I.%I', area, c.relname)
			from pg_class c
			where c.relnamespace = area::regnamespace and c.relkind in ('r', 'p', 'S', 'v') and c.relowner <> owner::regrole
				and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i') and c.relkind = 'S')
			union all
			select 'function', format('%I.%I(%s)', area, p.proname, pg_get_function_identity_arguments(p.oid))
			from pg_proc p
			where p.pronamespace = area::regnamespace and p.proowner <> owner::regrole
		loop
			execute format('alter %s %s owner to %I', kind, thing, owner);
		end loop;
		if (select nspowner::regrole::name from pg_namespace where nspname = area) <> owner then
			execute format('alter schema %I owner to %I', area, owner);
		end if;
	end loop;

	set local role konsil_audit;
	execute format('grant usage on schema audit to %I', app);
	if to_regclass('audit.known') is not null then -- else a database on its way
		execute format('grant select, insert on audit.chain, audit.known to %I', app);
		execute format('grant select on audit.entry to %I', app);
		execute format('revoke insert, update on audit.head from %I', app); -- of a database from before a chain could be cut
		execute format('grant select, insert (organisation_id, seq, hash), update (seq, hash) on audit.head to %I', app); -- where it begins is not the application's
	end if;
	reset role;
end $$;
