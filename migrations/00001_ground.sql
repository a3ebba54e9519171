-- What every later migration may lean on. Needs UTF-8 and a role that may create trusted extensions.

-- +goose Up
create extension if not exists pg_trgm;

-- German names are written in two ways (Müller, Mueller) and typed in a third (MÜLLER, or with a
-- combining diaeresis). All of them fold to one spelling; comparing, indexing and blinding a name
-- always goes through this function. Changing it means reindexing everything built on it.
-- +goose StatementBegin
create function de_fold(t text) returns text
language sql immutable strict parallel safe
as $$
  select replace(replace(replace(replace(
    lower(normalize(t, nfc)),
    'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ß', 'ss')
$$;
-- +goose StatementEnd
