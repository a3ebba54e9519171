-- +goose Up
-- Approved minutes are signed: the canonical text, and for each signature the public key that it holds under. jsonb would
-- put the fields in an order of its own; json keeps the very text that was hashed and signed. What was approved before has
-- no signature and never gets one: approved minutes are never changed.
alter table minutes
	alter column body type json using body::json,
	add column signature bytea check (octet_length(signature) = 64),
	add column signed_by bytea check (octet_length(signed_by) = 32),
	add constraint minutes_signed check ((signature is null) = (signed_by is null) and (signature is null or state = 'approved'));
