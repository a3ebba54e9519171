-- +goose Up
-- Which state of a date a mail tells, by SEQUENCE and DTSTAMP of its calendar part. A state is never queued twice: calendars take the
-- second for the first, whatever it says. Mails without a date have none, nor have those from before.
alter table message_out add column sequence integer, add column stamped_at timestamptz;
create unique index message_out_once on message_out (thread, sequence, method, stamped_at) where stamped_at is not null;
