-- +goose Up
-- What a conference is for. It decides the sections of its note and what they begin with.
alter table conference add column kind text not null default 'case_conference'
	check (kind in ('case_conference', 'participation_plan_conference'));
