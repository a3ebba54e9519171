// What participants tell each other about keys, inside the envelopes that the server passes on, and the sums they do over it. Pure but for
// the browser's cryptography.

import { isRecord } from "../protocol";
import { concat, type Bytes } from "./frame";

/** The body of an envelope. Fields are base64url. */
export type Notice =
  /** who I am: key agreement key of this session, identity key, its signature; mac: I hold the secret of a guest's link */
  | { t: "hello"; key: string; id: string; sig: string; mac?: string }
  /** my secret of this epoch, sealed for you */
  | { t: "key"; iv: string; box: string }
  /** the hash of a number that I have drawn for this epoch's code */
  | { t: "commit"; hash: string }
  /** and the number, once I have everybody's hash */
  | { t: "reveal"; nonce: string }
  /** I lack your key */
  | { t: "ask" }
  /** I hold the secret of your link too */
  | { t: "proof"; mac: string };

const fields: Record<Notice["t"], string[]> = { hello: ["key", "id", "sig"], key: ["iv", "box"], commit: ["hash"], reveal: ["nonce"], ask: [], proof: ["mac"] };

const text = new TextEncoder();

export function pack(notice: Notice): string {
  return encode(text.encode(JSON.stringify(notice)));
}

/** Null: not one of ours, or of a version to come. */
export function unpack(blob: string): Notice | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(decode(blob)));
    if (!isRecord(value) || typeof value["t"] !== "string" || !Object.hasOwn(fields, value["t"])) return null;
    const needed = fields[value["t"] as Notice["t"]];
    return needed.every((name) => typeof value[name] === "string") ? (value as unknown as Notice) : null;
  } catch {
    return null;
  }
}

export function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Throws when it is no base64url. */
export function decode(words: string): Bytes {
  return Uint8Array.from(atob(words.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

export function random(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length));
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** SHA-256 over parts, each with its length before it, so that no part runs into the next. */
export async function digest(label: string, ...parts: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", framed(label, parts)));
}

export function framed(label: string, parts: Uint8Array[]): Bytes {
  return concat(...[text.encode(label), ...parts].flatMap((part) => [number(part.length), part]));
}

export function number(n: number): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(n));
  return bytes;
}

export function utf8(words: string): Bytes {
  return text.encode(words);
}

/** What the identity key signs: this session's key for this peer id. */
export function statement(conference: string, peer: string, key: Bytes): Bytes {
  return framed("konsil hello 1", [utf8(conference), utf8(peer), key]);
}

/** One end of a pair of participants. */
export interface End {
  peer: string;
  raw: Bytes;
}

/**
 * The key that seals from's secret of an epoch for to: P-256 agreement, then HKDF bound to both ends and the epoch. Only ever used with a
 * fresh IV.
 */
export async function wrapping(mine: CryptoKey, other: CryptoKey, from: End, to: End, epoch: number): Promise<CryptoKey> {
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: other }, mine, 256);
  const base = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const info = framed("konsil key 1", [utf8(from.peer), from.raw, utf8(to.peer), to.raw, number(epoch)]);
  return crypto.subtle.deriveKey({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, base, { name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]);
}

/** The proof of holding a link's secret, bound to a session's key. */
export async function mac(secret: Bytes, role: "guest" | "host", peer: string, key: Bytes): Promise<Bytes> {
  const hmac = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", hmac, framed(`konsil link 1 ${role}`, [utf8(peer), key])));
}
