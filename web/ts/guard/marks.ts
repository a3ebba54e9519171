// The client of a case without being told who it is: the server hands out keyed hashes of everything that could be written of her
// (conference/nameguard, Marks), and this page hashes what somebody types. Only pages of people who may open the identity get any.

import { sound } from "./fold";
import type { Secret, Typed } from "./secret";

/** As the server answers. */
export interface Marks {
  key: string;
  hashes: Record<string, string>;
  slips: Record<string, string>;
  words: number;
  digits: number;
  shapes: string[];
}

const bytes = new TextEncoder();

/** How many hashes of mistyped words one look makes; in a text that is new and long the next looks do the rest, and so does the server. */
const atOnce = 20_000;
const longest = 63; // letters of a word that is compared beyond equality

export class Hashed implements Secret {
  readonly words: number;
  readonly digits: number;
  private readonly key: Promise<CryptoKey>;
  private readonly known = new Map<string, string>();
  private readonly slips = new Map<number, string>();
  private readonly nearly = new Map<string, string>();

  constructor(private readonly marks: Marks) {
    this.words = marks.words;
    this.digits = marks.digits;
    this.key = crypto.subtle.importKey("raw", binary(marks.key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    for (const [kind, all] of Object.entries(marks.slips)) {
      const raw = binary(all);
      for (let at = 0; at < raw.length; at += 6) this.slips.set(sixBytes(raw, at), `${kind}?`);
    }
  }

  async learn(said: readonly string[]): Promise<void> {
    if (this.known.size > 50_000) this.known.clear();
    const fresh = [...new Set(said)].filter((one) => !this.known.has(one));
    const hashes = await this.hash(fresh);
    fresh.forEach((one, i) => this.known.set(one, btoa(String.fromCharCode(...(hashes[i]?.slice(0, 9) ?? [])))));
  }

  says(said: string): string | undefined {
    return this.marks.hashes[this.known.get(said) ?? ""];
  }

  async near(words: readonly Typed[]): Promise<Map<string, string>> {
    if (this.nearly.size > 20_000) this.nearly.clear();
    const wanted = new Map(words.map((one) => [one.loose, one.fold]));
    const fresh: string[] = [];
    const of: string[] = [];
    for (const [loose, folded] of wanted) {
      if (this.nearly.has(loose)) continue;
      if (fresh.length > atOnce) break;
      for (const one of [...mistyped(loose), ...heard(loose, folded)]) {
        fresh.push(one);
        of.push(loose);
      }
      this.nearly.set(loose, "");
    }
    const hashes = await this.hash(fresh);
    fresh.forEach((said, i) => {
      const hash = hashes[i] ?? new Uint8Array(9);
      const found = said.startsWith("p:") ? this.marks.hashes[btoa(String.fromCharCode(...hash.slice(0, 9)))] : this.slips.get(sixBytes(hash, 0));
      if (found) this.nearly.set(of[i] ?? "", found);
    });
    return new Map([...wanted.keys()].map((loose) => [loose, this.nearly.get(loose) ?? ""]));
  }

  private async hash(said: readonly string[]): Promise<Uint8Array[]> {
    const key = await this.key;
    return Promise.all(said.map(async (one) => new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(one)))));
  }
}

function binary(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
}

function sixBytes(raw: Uint8Array, at: number): number {
  let n = 0;
  for (const one of raw.subarray(at, at + 6)) n = n * 256 + one;
  return n;
}

/** What is left of a word when letters behind the first are taken out, two at most, with their places: so the server calls its slips. */
export function mistyped(loose: string): string[] {
  if (loose.length < 3 || loose.length > longest || /[^a-z]/.test(loose)) return [];
  const said = [`e:${loose}:`];
  for (let i = 1; i < loose.length; i++) {
    const one = loose.slice(0, i) + loose.slice(i + 1);
    said.push(`e:${one}:${i}`);
    for (let k = i; k < one.length; k++) said.push(`e:${one.slice(0, k)}${one.slice(k + 1)}:${i},${k + 1}`);
  }
  return said;
}

function heard(loose: string, folded: string): string[] {
  const code = sound(folded);
  return code.length < 3 ? [] : [`p:${loose.length}:${code}`];
}
