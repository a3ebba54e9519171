-- +goose Up
-- A session is complete with two factors; until then it opens nothing but the page that asks for the second.
alter table session
	drop constraint session_method_check,
	add constraint session_method_check check (method in ('password', 'passkey', 'setup', 'oidc', 'rehearsal')),
	add column factors int not null default 1 check (factors in (1, 2)),
	add column proved_at timestamptz; -- when the person last showed a factor
update session set proved_at = created_at, factors = case when method = 'rehearsal' then 2 else 1 end;
alter table session alter column proved_at set not null;

-- Links that let somebody choose how to sign in. They are deleted when they are redeemed.
alter table link drop constraint link_purpose_check;
alter table link add constraint link_purpose_check check (purpose in ('invitation', 'measure', 'follow_up', 'setup', 'reset'));

-- A passkey with everything that its authenticator said of it. Nothing of it is secret.
create table passkey (
	id uuid primary key,
	account_id uuid not null references account on delete cascade,
	credential_id bytea not null unique,
	credential jsonb not null,
	name text not null,
	made_at timestamptz not null,
	used_at timestamptz not null
);
create index passkey_account on passkey (account_id);

-- What a browser is to sign, once and within five minutes. Bound to the browser by a cookie whose hash is the key.
create table passkey_challenge (
	browser_hash bytea primary key,
	account_id uuid references account on delete cascade, -- who makes a passkey; null: whoever signs in
	session jsonb not null,
	expires_at timestamptz not null
);
create index passkey_challenge_expires on passkey_challenge (expires_at);

-- The secret of an authenticator app, sealed under the key of this installation. It counts from the first right code on.
create table totp (
	account_id uuid primary key references account on delete cascade,
	secret bytea not null,
	made_at timestamptz not null,
	confirmed_at timestamptz,
	used_step bigint not null default 0 -- RFC 6238 §5.2: no code counts twice
);

create table recovery_code (
	account_id uuid not null references account on delete cascade,
	code_hash bytea not null,
	used_at timestamptz,
	primary key (account_id, code_hash)
);

-- A browser that somebody has signed in with before: what strangers try with her address does not slow her there.
create table known_browser (
	token_hash bytea not null,
	account_id uuid not null references account on delete cascade,
	made_at timestamptz not null,
	used_at timestamptz not null,
	primary key (account_id, token_hash)
);

-- How fast one may guess. The key is a hash of what is guessed at, whether it exists or not.
create table guess_pace (
	key bytea primary key,
	due timestamptz not null
);
create index guess_pace_due on guess_pace (due);
