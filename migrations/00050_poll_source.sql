-- +goose Up
-- What an answer to a question for dates is known from that nobody has given: it stands beside the answer. Empty: she has said it herself.
alter table poll_vote add column source text not null default '' check (source in ('', 'hours', 'absence', 'promise', 'calendar'));
update poll_vote set source = 'hours' where known; -- until now it was not told which
alter table poll_vote drop column known;
