-- +goose Up
-- A browser with which somebody takes part in conferences: the public half of the key that it signs with. The private half
-- never leaves the browser. A revoked one stays, so that it cannot be registered again.
create table account_device_key (
	id uuid primary key,
	account_id uuid not null references account on delete cascade,
	public_key bytea not null check (octet_length(public_key) = 65), -- P-256, uncompressed (SEC 1 §2.3.3)
	device text not null, -- what the browser called itself when it was registered
	made_at timestamptz not null,
	used_at timestamptz not null,
	revoked_at timestamptz,
	unique (account_id, public_key)
);
