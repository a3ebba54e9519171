// What is put in the place of a passage: the same for the same, within one document.

import { fold } from "./fold";
import type { Passage } from "./passage";

const lettered: Readonly<Record<string, string>> = { person: "Person", place: "Ort", organisation: "Einrichtung" };
const plain: Readonly<Record<string, string>> = {
  street: "Adresse", phone: "Telefon", email: "Mail", web: "Link", birthdate: "Geburtsdatum", date: "Datum", iban: "Konto",
};

/** Made once for a document. */
export class Standins {
  private readonly known = new Map<string, string>();

  /** @param taken everything that is written in the document, for letters that are in use already */
  of(text: string, passage: Passage, taken: string): string {
    const words = text.slice(passage.start, passage.end);
    const kind = lettered[passage.class];
    if (passage.class === "date") return `[Datum${monthOf(words)}]`;
    if (!kind) return `[${plain[passage.class] ?? "Nummer"}]`;
    const own = passage.class === "person" && passage.reason.startsWith("subject"); // her first name is she, too, and so is a slip in it
    const key = own ? "the client" : `${kind} ${keyOf(words)}`;
    let standin = this.known.get(key);
    if (!standin) {
      const used = new Set([...this.known.values(), ...(taken.match(new RegExp(`\\[${kind} [A-Z]\\]`, "g")) ?? [])]);
      const letter = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].find((one) => !used.has(`[${kind} ${one}]`));
      standin = letter ? `[${kind} ${letter}]` : `[${kind}]`;
      this.known.set(key, standin);
    }
    return standin;
  }
}

/** People are told apart by their last word, without the s of a genitive. */
function keyOf(words: string): string {
  const last = fold(words.split(/[\s-]+/).at(-1) ?? words);
  return last.length > 3 && last.endsWith("s") ? last.slice(0, -1) : last;
}

/** " 03/2024" of 12.3.2024, "" where there is no year. */
function monthOf(words: string): string {
  const dotted = /(\d{1,2})\. ?(\d{1,2})\. ?(\d{4}|\d{2})/.exec(words);
  const iso = /(\d{4})-(\d{2})-\d{2}/.exec(words);
  const month = dotted?.[2] ?? iso?.[2];
  const year = dotted?.[3] ?? iso?.[1] ?? /(?:19|20)\d{2}/.exec(words)?.[0];
  if (!year) return "";
  const full = year.length === 2 ? `20${year}` : year;
  return month ? ` ${month.padStart(2, "0")}/${full}` : ` ${full}`;
}
