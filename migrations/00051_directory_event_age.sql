-- +goose Up
-- When it happened, by the database's clock: what is older than any index of the directory that is still followed says nothing to anybody.
alter table directory_event add column at timestamptz not null default now();
