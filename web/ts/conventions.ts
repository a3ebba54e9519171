// The light conventions of the notes, which stay plain text: "- [ ] Probe vereinbaren @Anna Amt bis 10.12." is a measure, "@name" a person,
// "d850.2" a code of the ICF. Here is only what they look like; nothing here touches a page.

import { icf } from "./icf";

/** Somebody who can take on a measure. */
export interface Candidate {
  id: string;
  name: string;
}

/** A measure as a line of the notes says it; what the line leaves open is empty. */
export interface Wanted {
  what: string;
  /** id of the person; empty when nobody or nobody known is named */
  responsible: string;
  /** ISO date */
  due: string;
}

/** The box of a measure at the beginning of a line. */
export const boxPattern = /^\s*- \[[ xX]?\](?=\s|$)/;

// components with their chapters, two to four digits after the letter's chapter, qualifiers after point or plus
const codePattern = /(?<![\p{L}\p{N}])(?:b[1-8]|s[1-8]|d[1-9]|e[1-5])\d{2}(?:\d{1,2})?(?:\.[0-489]\d{0,2}|\+[0-489])?(?![\p{L}\p{N}])/gu;
const whoPattern = /(?<![\p{L}\p{N}])@\p{L}[\p{L}\p{M}-]*/gu;
const untilPattern = /(?<![\p{L}\p{N}])bis\s+(?:zum\s+)?(?:(\d{4})-(\d{2})-(\d{2})|(\d{1,2})\.\s?(\d{1,2})\.(?:\s?(\d{4}|\d{2})(?!\d))?)/u;

export interface Found {
  from: number;
  to: number;
  kind: "box" | "who" | "icf";
  /** what a code means, where we have words for it */
  label?: string;
}

/** Everything in a line that follows a convention, in the order of the line. */
export function findIn(line: string, people: readonly Candidate[]): Found[] {
  const found: Found[] = [];
  const box = boxPattern.exec(line);
  if (box) found.push({ from: line.indexOf("-"), to: box[0].length, kind: "box" });
  for (const match of line.matchAll(whoPattern)) {
    found.push({ from: match.index, to: match.index + 1 + nameLength(line.slice(match.index + 1), people), kind: "who" });
  }
  for (const match of line.matchAll(codePattern)) {
    const label = icf[match[0].slice(0, 4)];
    found.push({ from: match.index, to: match.index + match[0].length, kind: "icf", ...(label ? { label } : {}) });
  }
  return found.sort((a, b) => a.from - b.from);
}

/** How much of what follows an @ is the name: a known person's whole name, or one word. */
function nameLength(rest: string, people: readonly Candidate[]): number {
  return Math.max(/^\p{L}[\p{L}\p{M}-]*/u.exec(rest)?.[0].length ?? 0, named(rest, people)?.length ?? 0);
}

/** The name of a person without title, as one writes it behind an @. */
export function callName(name: string): string {
  return name.replace(/(?:^|\s)(?:Prof|Dr|PD|med|phil|rer|nat|Dipl)\b[-.\p{L}]*/gu, " ").replace(/\s+/g, " ").trim() || name;
}

/** The one person that a text begins with, by her full name or by the part of it that nobody else has; with the length of it. */
function named(rest: string, people: readonly Candidate[]): { person: Candidate; length: number } | null {
  let best: { person: Candidate; length: number } | null = null;
  let shared = false;
  for (const person of people) {
    const whole = callName(person.name);
    for (const form of new Set([person.name, whole, ...whole.split(" ")])) {
      if (!rest.toLowerCase().startsWith(form.toLowerCase()) || /^[\p{L}\p{N}]/u.test(rest.slice(form.length))) continue;
      if (best && form.length === best.length && best.person.id !== person.id) shared = true;
      if (best && form.length <= best.length) continue;
      best = { person, length: form.length };
      shared = false;
    }
  }
  return shared ? null : best;
}

/** Reads a line as a measure; null when it is none or says nothing. A date without year is the next of that name. */
export function readMeasure(line: string, people: readonly Candidate[], today: Date): Wanted | null {
  const box = boxPattern.exec(line);
  if (!box) return null;
  let what = line.slice(box[0].length);
  let responsible = "";
  for (const match of [...what.matchAll(whoPattern)].reverse()) {
    const who = named(what.slice(match.index + 1), people);
    if (!who) continue; // a name that we do not know stays in the words
    responsible = who.person.id;
    what = what.slice(0, match.index) + what.slice(match.index + 1 + who.length);
  }
  const until = untilPattern.exec(what);
  const due = until ? dateOf(until, today) : "";
  if (until && due) what = what.slice(0, until.index) + what.slice(until.index + until[0].length);
  what = what.replace(/\s+/g, " ").replace(/\s+([,.;])/g, "$1").replace(/[\s,;]+$/, "").trim();
  return what ? { what, responsible, due } : null;
}

function dateOf(match: RegExpExecArray, today: Date): string {
  const [, isoYear, isoMonth, isoDay, day, month, year] = match;
  if (isoYear) return calendar(Number(isoYear), Number(isoMonth), Number(isoDay));
  if (year) return calendar(Number(year) + (year.length === 2 ? 2000 : 0), Number(month), Number(day));
  const here = calendar(today.getFullYear(), today.getMonth() + 1, today.getDate());
  const soon = calendar(today.getFullYear(), Number(month), Number(day));
  return soon !== "" && soon < here ? calendar(today.getFullYear() + 1, Number(month), Number(day)) : soon;
}

/** ISO date, or "" for a day that no calendar has. */
function calendar(year: number, month: number, day: number): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return "";
  return date.toISOString().slice(0, 10);
}
