-- +goose Up
-- The coordination says when a date stands: then nobody is asked for another one, neither on the page nor in calendars.
alter table conference add column fixed boolean not null default false;
