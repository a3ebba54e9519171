// Lines of captions, sealed and opened in the page: they are text, few and short, and need no worker. Each sender's lines are sealed with a
// key of her own secret of the epoch, apart from those of her picture and sound.
//
//   blob, base64url: counter 8, big endian | AES-128-GCM ciphertext and tag 16
//
// The plaintext is filled up to a multiple of 64 bytes, so that the server cannot tell a "yes" from a "no" by its length.

import { importSecret, type Bytes } from "./frame";
import { decode, encode, framed, number, utf8 } from "./notice";

/** How much one line holds, in UTF-16 units. */
export const lineLength = 300;

const label = "konsil caption 1";
const counterLength = 8;
const block = 64;
/** How long the keys of an earlier epoch are kept: lines sealed with them are still on their way. */
const grace = 10_000;
/** How many lines wait for a key. */
const patience = 50;

interface Ring {
  epoch: number;
  key: CryptoKey;
  salt: Bytes;
  /** of the newest line; receivers take only what is higher */
  counter: number;
}

/** A line as it travels. */
export interface SealedLine {
  epoch: number;
  blob: string;
}

interface Waiting extends SealedLine {
  from: string;
}

/** Takes the same secrets as the worker that seals frames. */
export class Lines {
  private self = "";
  private mine: Ring | null = null;
  private readonly theirs = new Map<string, Ring[]>();
  private waiting: Waiting[] = [];
  private steps: Promise<unknown> = Promise.resolve(); // lines come out in the order in which they went in

  /** @param heard called with each line that was opened */
  constructor(private readonly heard: (peer: string, text: string) => void) {}

  /** Seals with this secret from now on; null: with none, and nothing is sealed. */
  own(peer: string, epoch: number, secret: Bytes | null): Promise<void> {
    return this.step(async () => {
      this.self = peer;
      this.mine = secret && (await derive(epoch, secret));
    });
  }

  learn(peer: string, epoch: number, secret: Bytes): Promise<void> {
    return this.step(async () => {
      const rings = this.theirs.get(peer) ?? [];
      if (rings.some((one) => one.epoch === epoch)) return; // sealed once more for us, because we asked
      const made = await derive(epoch, secret);
      this.theirs.set(peer, [...rings, made]);
      setTimeout(() => this.drop(peer, epoch), grace);
      const ready = this.waiting.filter((one) => one.from === peer);
      this.waiting = this.waiting.filter((one) => one.from !== peer);
      for (const one of ready) await this.open(one);
    });
  }

  forget(peer: string): void {
    void this.step(async () => {
      this.theirs.delete(peer);
      this.waiting = this.waiting.filter((one) => one.from !== peer);
    });
  }

  /** Null: there is no key yet. */
  async seal(text: string): Promise<SealedLine | null> {
    let sealed: SealedLine | null = null;
    await this.step(async () => {
      if (!this.mine) return;
      const counter = number(++this.mine.counter);
      const body = await crypto.subtle.encrypt(parameters(this.mine, this.self, counter), this.mine.key, padded(text.slice(0, lineLength)));
      sealed = { epoch: this.mine.epoch, blob: encode(new Uint8Array([...counter, ...new Uint8Array(body)])) };
    });
    return sealed;
  }

  /** A line came. One whose key is still on its way waits for it; what does not open is dropped. */
  receive(from: string, epoch: number, blob: string): void {
    void this.step(() => this.open({ from, epoch, blob }));
  }

  private async open(line: Waiting): Promise<void> {
    const ring = this.theirs.get(line.from)?.find((one) => one.epoch === line.epoch);
    if (!ring) {
      this.waiting = [...this.waiting, line].slice(-patience);
      return;
    }
    const bytes = decode(line.blob);
    const counter = bytes.slice(0, counterLength);
    const n = Number(new DataView(counter.buffer).getBigUint64(0));
    if (n <= ring.counter) return; // came before
    const body = await crypto.subtle.decrypt(parameters(ring, line.from, counter), ring.key, bytes.slice(counterLength));
    ring.counter = n;
    const text = new TextDecoder().decode(body).replace(/\0+$/, "");
    if (text) this.heard(line.from, text.slice(0, lineLength));
  }

  /** Lets go of what came before an epoch, once that has begun a while ago. */
  private drop(peer: string, before: number): void {
    const rings = this.theirs.get(peer);
    if (rings) this.theirs.set(peer, rings.filter((one) => one.epoch >= before));
  }

  private step(work: () => Promise<void>): Promise<void> {
    const next = this.steps.then(work).catch(() => {}); // what does not fit was not made by us
    this.steps = next;
    return next;
  }
}

async function derive(epoch: number, raw: Bytes): Promise<Ring> {
  const secret = await importSecret(raw);
  const bits = new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(label) }, secret, 160));
  const key = await crypto.subtle.importKey("raw", bits.slice(0, 16), "AES-GCM", false, ["encrypt", "decrypt"]);
  const salt = bits.slice(16);
  bits.fill(0, 0, 16);
  return { epoch, key, salt, counter: 0 };
}

function parameters(ring: Ring, peer: string, counter: Bytes): AesGcmParams {
  return { name: "AES-GCM", iv: new Uint8Array([...ring.salt, ...counter]), additionalData: framed(label, [utf8(peer), number(ring.epoch)]), tagLength: 128 };
}

function padded(text: string): Bytes {
  const bytes = utf8(text);
  const filled = new Uint8Array(Math.max(1, Math.ceil(bytes.length / block)) * block);
  filled.set(bytes);
  return filled;
}
