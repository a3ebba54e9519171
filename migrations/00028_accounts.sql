-- +goose Up
-- Somebody who looks after the accounts and organisations of a whole network.
alter table account drop constraint account_role_check;
alter table account add constraint account_role_check
	check (role in ('caseworker', 'coordinator', 'expert', 'admin', 'network_admin', 'data_protection_officer'));

-- Names of organisations are how people tell them apart.
create unique index organisation_name on organisation (network_id, lower(name));

-- An account that the sign-in of its organisation leads to. The pair of issuer and subject is the only thing that names
-- somebody there: addresses are given to others, and another provider may claim any.
create table account_oidc (
	issuer text not null,
	subject text not null,
	account_id uuid not null references account on delete cascade,
	linked_at timestamptz not null,
	primary key (issuer, subject),
	unique (account_id, issuer)
);

-- A sign-in that is under way at the provider. It belongs to one browser, works once and not for long.
create table oidc_attempt (
	state_hash bytea primary key,
	browser_hash bytea not null,
	nonce text not null,
	verifier text not null, -- RFC 7636 §4.1; useless without the code that the provider gives to that browser
	purpose text not null check (purpose in ('sign_in', 'link', 'confirm')),
	account_id uuid references account on delete cascade, -- who links or confirms; null: whoever comes back
	session_id uuid references session on delete cascade, -- that she confirms in
	next text not null,
	begun_at timestamptz not null,
	expires_at timestamptz not null
);
create index oidc_attempt_expires on oidc_attempt (expires_at);

-- Every purpose that a link has: two migrations before this one each knew their own.
alter table link drop constraint link_purpose_check;
alter table link add constraint link_purpose_check
	check (purpose in ('invitation', 'measure', 'follow_up', 'setup', 'reset', 'listing'));
