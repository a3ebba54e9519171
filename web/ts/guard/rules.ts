// What can be told from its form alone, before anything leaves the page: numbers with their check digits, addresses, dates, names after a
// salutation. The server knows more (lists of names and places); it looks after each pause. Every expression looks at a bounded stretch of
// text, so the cost is linear in it.

import type { Confidence, Passage } from "./passage";

interface Rule {
  class: string;
  form: RegExp;
  reason: string;
  /** how sure it is, 0 for nothing at all; without it medium */
  judge?: (found: RegExpMatchArray, before: string, after: string) => Confidence | 0;
}

const letters = /[^\p{L}\d]/gu;
const compact = (found: RegExpMatchArray) => found[0].replace(letters, "").toUpperCase();

/** The sum of the digits of each digit's product with its weight. */
function weighted(digits: string, weights: readonly number[]): number {
  return [...digits].reduce((sum, digit, i) => {
    const product = Number(digit) * (weights[i] ?? 0);
    return sum + Math.floor(product / 10) + (product % 10);
  }, 0);
}

const ordinal = (letter: string) => String(letter.charCodeAt(0) - 64).padStart(2, "0");

/** § 290 SGB V */
function healthInsured(id: string): boolean {
  return weighted(ordinal(id.charAt(0)) + id.slice(1, 9), [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]) % 10 === Number(id.charAt(9));
}

/** § 147 SGB VI */
function pensionInsured(id: string): boolean {
  const day = Number(id.slice(2, 4));
  const month = Number(id.slice(4, 6));
  if (!((day >= 1 && day <= 31) || (day >= 51 && day <= 81)) || month < 1 || month > 12) return false;
  const digits = id.slice(0, 8) + ordinal(id.charAt(8)) + id.slice(9, 11);
  return weighted(digits, [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]) % 10 === Number(id.charAt(11));
}

/** § 139b AO; ISO 7064 MOD 11,10 */
function taxId(id: string): boolean {
  let product = 10;
  for (const digit of id.slice(0, 10)) product = (((Number(digit) + product) % 10 || 10) * 2) % 11;
  const twice = new Set(id.slice(0, 10)).size;
  return id.charAt(0) !== "0" && (11 - product) % 10 === Number(id.charAt(10)) && (twice === 9 || twice === 8);
}

/** ISO 7064 MOD 97-10 */
function bankAccount(id: string): boolean {
  let rest = 0;
  for (const letter of id.slice(4) + id.slice(0, 4)) rest = Number(String(rest) + (/\d/.test(letter) ? letter : String(letter.charCodeAt(0) - 55))) % 97;
  return rest === 1 && id.length >= 15 && (!id.startsWith("DE") || id.length === 22);
}

const announcesPhone = /(?:tel|fon|phone|fax|mobil|handy|ruf|nummer|anruf|erreichbar|whatsapp|sms)\p{L}*[.:]? ?(?:unter )?$/iu;
const announcesBirth = /(?:\*|geb(?:oren|urtsdatum)?\.?:?(?: am)?) ?$/iu;
const unit = /^ ?(?:€|%|euro|mg|ml|kg|uhr|prozent|stunden|std|tage|monate|jahre|punkte)/iu;
const noName = /^(?:Doktor|Kollegin?|Patientin?|Klientin?|Kundin?|Ministerin?|Präsidentin?|Direktorin?|Und|Oder|Die|Der|Das|Sie|Er|Ich|Wir|Person)$/u;

const rules: readonly Rule[] = [
  { class: "email", reason: "shape", form: /[\p{L}\d._%+-]{1,64}@[\p{L}\d-]{1,63}(?:\.[\p{L}\d-]{1,63}){1,4}/gu, judge: () => 3 },
  { class: "iban", reason: "checkdigit", form: /(?<![\p{L}\d])[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,3})?(?![\p{L}\d])/gu, judge: (found) => (bankAccount(compact(found)) ? 3 : found[0].startsWith("DE") ? 2 : 0) },
  { class: "kvnr", reason: "checkdigit", form: /(?<![\p{L}\d])[A-Za-z] ?\d{3} ?\d{3} ?\d{3}(?![\p{L}\d])/gu, judge: (found) => (healthInsured(compact(found)) ? 3 : found[0].includes(" ") ? 0 : 2) },
  { class: "rvnr", reason: "checkdigit", form: /(?<![\p{L}\d])\d{2} ?\d{6} ?[A-Za-z] ?\d{2} ?\d(?![\p{L}\d])/gu, judge: (found) => (pensionInsured(compact(found)) ? 3 : 2) },
  { class: "taxid", reason: "checkdigit", form: /(?<![\p{L}\d])[1-9]\d ?\d{3} ?\d{3} ?\d{3}(?![\p{L}\d])/gu, judge: (found) => (taxId(compact(found)) ? 3 : 0) },
  { class: "customer", reason: "shape", form: /(?<![\p{L}\d])\d{3}[A-Za-z]\d{6}(?![\p{L}\d])/gu, judge: () => 3 },
  { class: "bgnumber", reason: "shape", form: /(?<![\p{L}\d])\d{5} ?(?:\/\/|BG) ?\d{7}(?![\p{L}\d])/gu, judge: () => 3 },
  { class: "court", reason: "shape", form: /(?<![\p{L}\d])[SLB] \d{1,3} (?:AS|AL|KR|R|SB|SO|U|P|KA|EG|VG|VS) \d{1,5}\/\d{2,4}(?: ER)?(?![\p{L}\d])/gu, judge: () => 3 },
  {
    class: "phone",
    reason: "shape",
    form: /(?<![\p{L}\d.,])(?:\+ ?\d|\(?0)[\d ()/–-]{5,22}\d(?![\p{L}\d])/gu,
    judge: (found, before, after) => {
      const { length } = compact(found);
      return length < 7 || length > 16 || unit.test(after) ? 0 : announcesPhone.test(before) ? 3 : length >= 9 || /\D/.test(found[0].slice(1)) ? 2 : 0;
    },
  },
  {
    class: "date",
    reason: "shape",
    form: /(?<![\p{L}\d.])(?:0?[1-9]|[12]\d|3[01])\. ?(?:0?[1-9]|1[0-2])\. ?(?:(?:19|20)\d{2}|\d{2})(?![\p{L}\d])|(?<![\p{L}\d-])(?:19|20)\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![\p{L}\d-])|(?<![\p{L}\d.])(?:[1-9]|[12]\d|3[01])\. (?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)(?: (?:19|20)\d{2})?(?![\p{L}\d])/gu,
  },
  { class: "street", reason: "shape", form: /(?<![\p{L}\d])\p{Lu}[\p{L}-]{1,40}(?:straße|strasse|str\.|weg|allee|platz|gasse|ring|damm|ufer) ?\d{1,4} ?[a-z]?(?![\p{L}\d])/gu },
  { class: "place", reason: "shape", form: /(?<![\p{L}\d])\d{5} \p{Lu}[\p{L}-]{2,40}/gu },
  {
    class: "person",
    reason: "salutation",
    form: /(?<=(?<![\p{L}\d])(?:Frau|Herrn?|Fr\.|Hr\.|Dr\.|Prof\.) (?:(?:Dr|Prof|med|Dipl|Psych)\.[ -]?){0,4}(?:\p{Lu}\. ?)?)\p{Lu}[\p{L}\p{M}'’-]{1,40}(?: \p{Lu}[\p{L}\p{M}'’-]{1,40}(?=[,.;:!?)]|$))?/gu,
    judge: (found) => (noName.test(found[0].split(" ")[0] ?? "") || /^(?:Dr|Prof)/u.test(found[0]) ? 0 : 3),
  },
];

/** A rule for the shape of a number that the site uses: 9 is a digit, A a letter, brackets hold what may be missing. */
export function shapeRule(shape: string): RegExp {
  const places: Record<string, string> = { "9": "\\d", A: "[A-Z]", "(": "(?:", ")": ")?", ".": "\\.", "/": "\\/" };
  const form = [...shape.trim()].map((place) => places[place] ?? place).join("");
  return new RegExp(`(?<![\\p{L}\\d])${form}(?![\\p{L}\\d])`, "giu");
}

/** Finds what its form gives away. */
export function findByForm(text: string, shapes: readonly RegExp[]): Passage[] {
  const found: Passage[] = [];
  for (const { class: kind, form, reason, judge } of rules) {
    for (const one of text.matchAll(form)) {
      const end = one.index + one[0].length;
      const confidence = judge ? judge(one, text.slice(Math.max(0, one.index - 30), one.index), text.slice(end, end + 12)) : 2;
      if (!confidence) continue;
      const born = kind === "date" && announcesBirth.test(text.slice(Math.max(0, one.index - 20), one.index));
      found.push({ start: one.index, end, class: born ? "birthdate" : kind, confidence: born ? 3 : confidence, reason: reason === "checkdigit" && confidence < 3 ? "shape" : reason });
    }
  }
  for (const form of shapes) for (const one of text.matchAll(form)) found.push({ start: one.index, end: one.index + one[0].length, class: "record", confidence: 3, reason: "site" });
  return found;
}
