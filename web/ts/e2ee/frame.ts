// One frame of picture or sound, sealed and opened. Pure: no page, no worker, no state but the counters that callers keep.
//
//   clear header | AES-128-GCM ciphertext and tag 16 | counter 8, big endian | key id 1 | clear length 1 | magic 2
//
// The clear header is what a forwarding server has to read (key frame or not, the kind of sound packet). The nonce is salt 4 ‖ counter 8;
// authenticated with the ciphertext are clear header ‖ participant ‖ source ‖ key id, so a frame cannot be passed off as somebody else's.

export type Bytes = Uint8Array<ArrayBuffer>;

const magic0 = 0x6b; // "k"
const magic1 = 0x6e; // "n"
const tailLength = 12;
const tagLength = 16;

/** What sealing adds to a frame, in bytes. */
export const overhead = tagLength + tailLength;

/** The key of one source of one participant in one epoch. */
export interface FrameKey {
  /** epoch mod 256 */
  id: number;
  key: CryptoKey;
  salt: Bytes;
}

/** Whose frame it is: peer id and source. */
export interface Origin {
  peer: string;
  source: string;
}

/** What the tail of a sealed frame says in the clear. */
export interface Tail {
  counter: number;
  keyId: number;
  clearLength: number;
}

const text = new TextEncoder();

export function concat(...parts: Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Imports a participant's random secret, from which the keys of its sources are derived. It cannot be read out again. */
export function importSecret(raw: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, "HKDF", false, ["deriveBits"]);
}

/** Derives key and salt of one source (RFC 5869). */
export async function frameKey(secret: CryptoKey, epoch: number, source: string): Promise<FrameKey> {
  const info = text.encode(`konsil frame 1 ${source}`);
  const bits = new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, secret, 160));
  const key = await crypto.subtle.importKey("raw", bits.slice(0, 16), "AES-GCM", false, ["encrypt", "decrypt"]);
  bits.fill(0, 0, 16);
  return { id: epoch & 0xff, key, salt: bits.slice(16) };
}

/**
 * How many bytes of a frame stay readable: VP8's frame tag, with dimensions in a key frame (RFC 7741 §4.3), and the TOC byte of Opus
 * (RFC 6716 §3.1). VP9 needs none: what a server must know is in its payload descriptor.
 */
export function clearLength(mime: string, key: boolean): number {
  switch (mime.toLowerCase()) {
    case "audio/opus":
      return 1;
    case "video/vp9":
      return 0;
  }
  return key ? 10 : 3;
}

/** @param counter never used before with this key; below 2^53 */
export async function seal(key: FrameKey, counter: number, origin: Origin, clear: number, frame: Uint8Array): Promise<Bytes> {
  const header = frame.slice(0, Math.min(clear, frame.length));
  const body = await crypto.subtle.encrypt(parameters(key, counter, origin, header), key.key, frame.slice(header.length));
  const tail = new Uint8Array(tailLength);
  tail.set(counterBytes(counter));
  tail.set([key.id, header.length, magic0, magic1], 8);
  return concat(header, new Uint8Array(body), tail);
}

/** Reads the tail; null when the frame was not sealed by us. */
export function tailOf(frame: Uint8Array): Tail | null {
  const n = frame.length;
  if (n < overhead || frame[n - 2] !== magic0 || frame[n - 1] !== magic1) return null;
  const clear = frame[n - 3] ?? 0;
  if (clear > n - overhead) return null;
  const view = new DataView(frame.buffer, frame.byteOffset + n - tailLength, tailLength);
  const high = view.getUint32(0);
  if (high >= 1 << 21) return null; // no sender of ours counts so far
  return { counter: high * 2 ** 32 + view.getUint32(4), keyId: view.getUint8(8), clearLength: clear };
}

/** Opens a sealed frame; rejects when key, origin or a single bit is not what it was sealed with. */
export async function open(key: FrameKey, tail: Tail, origin: Origin, frame: Uint8Array): Promise<Bytes> {
  const header = frame.slice(0, tail.clearLength);
  const body = await crypto.subtle.decrypt(parameters(key, tail.counter, origin, header), key.key, frame.slice(header.length, frame.length - tailLength));
  return concat(header, new Uint8Array(body));
}

function parameters(key: FrameKey, counter: number, { peer, source }: Origin, header: Uint8Array): AesGcmParams {
  return {
    name: "AES-GCM",
    iv: concat(key.salt, counterBytes(counter)),
    additionalData: concat(header, text.encode(peer + source), Uint8Array.of(key.id)),
    tagLength: tagLength * 8,
  };
}

function counterBytes(counter: number): Bytes {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(counter / 2 ** 32));
  view.setUint32(4, counter >>> 0);
  return bytes;
}

/** How far behind the newest a frame may come: two seconds of three layers, and as much again. */
const reach = 1024;

/** The replay window of one key at one receiver: each counter passes once, and none that is too old to tell. */
export class Window {
  private readonly seen = new Float64Array(reach).fill(-1);
  private newest = -1;

  fresh(counter: number): boolean {
    return counter > this.newest - reach && this.seen[counter % reach] !== counter;
  }

  /** Marks a counter whose frame has been opened: only then is it the sender's. */
  mark(counter: number): void {
    this.seen[counter % reach] = counter;
    if (counter > this.newest) this.newest = counter;
  }
}
