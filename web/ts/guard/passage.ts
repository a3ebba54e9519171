// What was found in a text, whoever found it: the rules of this page, its hashes, or the server.

/** 1 is a hint, 2 has to be looked at, 3 is sure. */
export type Confidence = 1 | 2 | 3;

/** A passage that could name somebody; start and end are UTF-16 units. */
export interface Passage {
  start: number;
  end: number;
  class: string;
  confidence: Confidence;
  reason: string;
}

/** Sorts passages and joins those that overlap: the surer one, or the longer, says what the whole is. */
export function merge(found: Passage[]): Passage[] {
  const joined: Passage[] = [];
  for (const one of [...found].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = joined.at(-1);
    if (!last || one.start >= last.end) {
      joined.push({ ...one });
      continue;
    }
    const wins = rank(one) > rank(last) || (rank(one) === rank(last) && one.end - one.start > last.end - last.start);
    const { class: kind, confidence, reason } = wins ? one : last;
    Object.assign(last, { end: Math.max(last.end, one.end), class: kind, confidence, reason });
  }
  return joined;
}

function rank({ confidence, reason }: Passage): number {
  return confidence * 2 + (reason === "subject" ? 1 : 0);
}

const placeholder = /\[(?:Person|Ort|Adresse|Telefon|Mail|Nummer|Einrichtung|Datum|Geburtsdatum|Link|Konto)(?: (?:[A-Z]|\d{4}|\d{1,2}\/\d{4}))?\]/g;

/** Without passages within something that stands for what was taken out. */
export function outsidePlaceholders(text: string, found: Passage[]): Passage[] {
  const taken = [...text.matchAll(placeholder)].map((one) => ({ start: one.index, end: one.index + one[0].length }));
  return found.filter((one) => !taken.some(({ start, end }) => one.start < end && one.end > start));
}
