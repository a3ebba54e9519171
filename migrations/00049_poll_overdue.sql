-- +goose Up
-- When whoever has started a poll was told that its deadline has passed and answers are missing. Another deadline can be told of anew.
alter table poll add column overdue_at timestamptz;
