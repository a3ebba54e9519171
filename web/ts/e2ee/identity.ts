// Who somebody is to this browser: the key pair that signs for its person, and the keys of the people met before.
//
// The private key cannot be read out, not even by this page, and never leaves the browser's store. Guests, and people who want nothing kept
// on this device, have a pair that lasts as long as the page.

import { isRecord } from "../protocol";
import type { Bytes } from "./frame";

const database = "konsil-keys";
const own = "own";
const met = "met";
/** How many devices of one person are remembered. */
const devices = 5;

const algorithm = { name: "ECDSA", namedCurve: "P-256" };
const signing = { name: "ECDSA", hash: "SHA-256" };

/** What this browser knows of a key: never met its person, met with this key, compared the code with it, or met with others only. */
export type Familiar = "new" | "known" | "compared" | "changed";

export class Identity {
  private constructor(
    private readonly pair: CryptoKeyPair,
    readonly raw: Bytes,
    /** whose key pair and acquaintances this browser keeps; null: of nobody */
    readonly keeper: string | null,
  ) {}

  /** @param person whose key pair it is; null: one that is kept nowhere */
  static async of(person: string | null): Promise<Identity> {
    const stored = person === null ? null : await load(person).catch(() => null);
    const pair = stored ?? (await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]));
    return new Identity(pair, new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)), stored && person);
  }

  async sign(data: Bytes): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.sign(signing, this.pair.privateKey, data));
  }

  static async verify(raw: Bytes, signature: Bytes, data: Bytes): Promise<boolean> {
    const key = await crypto.subtle.importKey("raw", raw, algorithm, true, ["verify"]);
    return crypto.subtle.verify(signing, key, signature, data);
  }

  /** Looks a person's key up. Somebody never met is remembered with it from now on. */
  async familiar(person: string, print: string): Promise<Familiar> {
    if (this.keeper === null || !person) return "new";
    try {
      const prints = await this.prints(person);
      if (prints.includes(print)) return (await this.prints(comparedWith(person))).includes(print) ? "compared" : "known";
      if (prints.length) return "changed";
      await this.note(person, print);
    } catch {
      // a browser that does not let us keep anything knows nobody
    }
    return "new";
  }

  /** Remembers that the code was compared with a key of a person. */
  async compared(person: string, print: string): Promise<void> {
    if (this.keeper === null || !person) return;
    await this.note(person, print);
    await this.note(comparedWith(person), print);
  }

  private async note(about: string, print: string): Promise<void> {
    const prints = (await this.prints(about)).filter((one) => one !== print);
    await within(met, "readwrite", (store) => store.put([print, ...prints].slice(0, devices), `${this.keeper}/${about}`));
  }

  private async prints(about: string): Promise<string[]> {
    const list: unknown = await within(met, "readonly", (store) => store.get(`${this.keeper}/${about}`));
    return Array.isArray(list) ? list.filter((one): one is string => typeof one === "string") : [];
  }
}

function comparedWith(person: string): string {
  return `${person}/compared`;
}

async function load(person: string): Promise<CryptoKeyPair> {
  const found = asPair(await within(own, "readonly", (store) => store.get(person)));
  if (found) return found;
  const made = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
  // another tab may have been first: its pair counts
  await within(own, "readwrite", (store) => store.add(made, person)).catch(() => {});
  return asPair(await within(own, "readonly", (store) => store.get(person))) ?? made;
}

function asPair(value: unknown): CryptoKeyPair | null {
  if (!isRecord(value)) return null;
  const { privateKey, publicKey } = value;
  return privateKey instanceof CryptoKey && publicKey instanceof CryptoKey ? { privateKey, publicKey } : null;
}

async function within(store: string, mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  const opening = indexedDB.open(database, 1);
  opening.onupgradeneeded = () => {
    for (const name of [own, met]) opening.result.createObjectStore(name);
  };
  const db = await settled(opening);
  try {
    return await settled(work(db.transaction(store, mode).objectStore(store)));
  } finally {
    db.close();
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error ?? new Error("the browser's store failed"));
  });
}
