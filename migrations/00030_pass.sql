-- +goose Up
-- SGB X section 67b, GDPR Art. 19: what was passed on about a plan, to which organisation, when and by whom. The text is what went out, letter
-- by letter; it goes with a withdrawal, and that something was passed on stays until the case is deleted.
create table plan_pass (
	id uuid primary key,
	case_id uuid not null references case_file,
	organisation_id uuid not null,
	conference_id uuid not null references conference,
	recipient_id uuid not null references organisation,
	pseudonym text not null, -- the recipient's own for this person
	measures int not null, -- how many
	question boolean not null, -- whether the question went along
	body text,
	passed_by uuid not null references account,
	passed_at timestamptz not null
);
create index plan_pass_case on plan_pass (case_id, passed_at);
create index plan_pass_conference on plan_pass (conference_id);
alter table plan_pass alter column body set statistics 0;

-- Since when texts of the case have to be read again, because more is known of who the person is.
alter table case_file add column reread_at timestamptz;
