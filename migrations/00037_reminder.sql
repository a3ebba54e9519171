-- +goose Up
-- When somebody who has not answered is reminded next, and for which date somebody who comes was reminded of it.
alter table invitation
	add column remind_at timestamptz, -- null: not any more
	add column reminded int not null default 0 check (reminded between 0 and 2), -- since the date was set
	add column reminded_of timestamptz;
create index invitation_remind on invitation (remind_at) where remind_at is not null;

-- Whether she wants to be reminded of what she has promised.
alter table availability add column reminders boolean not null default true;
