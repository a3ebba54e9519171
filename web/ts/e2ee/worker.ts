// The worker through which every frame of picture and sound passes, on its way out and on its way in. It gets keys from the page and tells
// it what is missing. What it cannot seal does not leave, what it cannot open is not shown.

import { clearLength, frameKey, open, overhead, seal, tailOf, Window, type Bytes, type FrameKey, type Origin } from "./frame";
import type { Counts, FromWorker, Role, Sample, ToWorker } from "./wire";

/** What lib.webworker says about encoded transforms, as far as it is used here; the page's library does not know it. */
interface EncodedFrame {
  data: ArrayBuffer;
  type?: string; // of pictures: key, delta or empty
  getMetadata(): { mimeType?: string };
}
interface Transformer {
  readable: ReadableStream<EncodedFrame>;
  writable: WritableStream<EncodedFrame>;
  options: Role;
  generateKeyFrame?(): Promise<unknown>;
  sendKeyFrameRequest?(): Promise<unknown>;
}
interface Scope {
  onrtctransform: (event: { transformer: Transformer }) => void;
  onmessage: (event: MessageEvent<ToWorker>) => void;
  postMessage(message: FromWorker): void;
}
const scope = self as unknown as Scope;

const tell = (message: FromWorker): void => scope.postMessage(message);

/** How long the keys of an earlier epoch are kept: frames sealed with them are still on their way. */
const grace = 10_000;

/** Secret of one participant in one epoch, and what is derived from it. */
class Secret {
  private readonly keys = new Map<string, Promise<FrameKey>>();
  private readonly counters = new Map<string, number>();

  constructor(
    readonly epoch: number,
    private readonly secret: CryptoKey,
  ) {}

  key(source: string): Promise<FrameKey> {
    let key = this.keys.get(source);
    if (!key) this.keys.set(source, (key = frameKey(this.secret, this.epoch, source)));
    return key;
  }

  /** Counts over all layers and all connections that carry a source, so no nonce comes twice. */
  next(source: string): number {
    const counter = this.counters.get(source) ?? 0;
    this.counters.set(source, counter + 1);
    return counter;
  }
}

let self_ = "";
let own: Secret | null = null;
const theirs = new Map<string, Map<number, Secret>>(); // peer → key id → secret
const carried = new Map<number, Map<string, Origin>>(); // connection → mid → whose
const senders = new Set<Transformer>();
const receivers = new Map<Transformer, { connection: number; mid: string }>();
const counts = new Map<string, Counts>();
const lanes: Record<number, number> = {};
const samples = new Map<string, ((sample: Sample | null) => void)[]>();

function count(of: Origin): Counts {
  const name = `${of.peer}/${of.source}`;
  let found = counts.get(name);
  if (!found) counts.set(name, (found = { done: 0, withheld: 0, failed: 0, plain: 0 }));
  return found;
}

// --- out --------------------------------------------------------------------------------------------------------------------------

async function sealFrame(source: string, frame: EncodedFrame, on: (frame: EncodedFrame) => void): Promise<void> {
  const secret = own;
  const origin = { peer: self_, source };
  if (!secret) {
    count(origin).withheld++;
    return;
  }
  const plain = new Uint8Array(frame.data);
  const mime = frame.getMetadata().mimeType ?? (frame.type === undefined ? "audio/opus" : "video/vp8");
  const clear = clearLength(mime, frame.type === "key");
  const counter = secret.next(source);
  const sealed = await seal(await secret.key(source), counter, origin, clear, plain);
  const waiting = samples.get(source)?.splice(0) ?? [];
  const sample = waiting.length ? await examine(secret, origin, plain, sealed) : null;
  for (const one of waiting) one(sample);
  frame.data = sealed.buffer;
  on(frame); // from here the bytes are the browser's
  count(origin).done++;
}

/** What somebody without the key makes of a sealed frame, and what somebody with it does. */
async function examine(secret: Secret, origin: Origin, plain: Uint8Array, sealed: Bytes): Promise<Sample> {
  const tail = tailOf(sealed);
  if (!tail) throw new Error("a sealed frame has no tail");
  const stranger: FrameKey = {
    ...(await secret.key(origin.source)),
    key: await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]),
  };
  const opens = (key: FrameKey) => open(key, tail, origin, sealed).then((opened) => opened.length === plain.length && opened.every((byte, at) => byte === plain[at]), () => false);
  return {
    source: origin.source,
    plain: plain.slice(0, 48),
    sealed: sealed.slice(0, 48),
    clear: tail.clearLength,
    size: plain.length,
    added: overhead,
    withKey: await opens(await secret.key(origin.source)),
    withoutKey: await opens(stranger),
  };
}

// --- in ---------------------------------------------------------------------------------------------------------------------------

/** Opens what one receiver gets. Whose track it carries may change with each offer; a change begins with fresh windows. */
class Opener {
  private windows = new Map<string, Window>();
  private state = "";

  constructor(
    private readonly connection: number,
    private readonly mid: string,
  ) {}

  async open(frame: EncodedFrame, on: (frame: EncodedFrame) => void): Promise<void> {
    const origin = carried.get(this.connection)?.get(this.mid);
    if (!origin) return;
    const sealed = new Uint8Array(frame.data);
    const tail = tailOf(sealed);
    if (!tail) {
      count(origin).plain++;
      return;
    }
    const secret = theirs.get(origin.peer)?.get(tail.keyId);
    if (!secret) {
      count(origin).withheld++;
      return this.is(origin, "waits", tail.keyId);
    }
    const window = this.window(origin, secret.epoch);
    if (!window.fresh(tail.counter)) return;
    try {
      frame.data = (await open(await secret.key(origin.source), tail, origin, sealed)).buffer;
    } catch {
      count(origin).failed++;
      return;
    }
    window.mark(tail.counter);
    count(origin).done++;
    this.is(origin, "open", tail.keyId);
    on(frame);
  }

  private window({ peer, source }: Origin, epoch: number): Window {
    const name = `${peer}/${source}/${epoch}`;
    let window = this.windows.get(name);
    if (!window) {
      if (this.windows.size > 8) this.windows = new Map();
      this.windows.set(name, (window = new Window()));
    }
    return window;
  }

  private is(origin: Origin, state: "waits" | "open", keyId: number): void {
    const now = `${origin.peer}/${origin.source}/${state}/${state === "waits" ? keyId : ""}`;
    if (now === this.state) return;
    this.state = now;
    tell({ op: state, ...origin, keyId });
  }
}

// --- the page ---------------------------------------------------------------------------------------------------------------------

function attach(transformer: Transformer): void {
  const role = transformer.options;
  let work: (frame: EncodedFrame, on: (frame: EncodedFrame) => void) => Promise<void>;
  if (role.op === "send") {
    senders.add(transformer);
    lanes[role.lane] = 0;
    work = (frame, on) => {
      lanes[role.lane]!++;
      return sealFrame(role.source, frame, on);
    };
  } else {
    const opener = new Opener(role.connection, role.mid);
    receivers.set(transformer, role);
    work = (frame, on) => opener.open(frame, on);
  }
  const through = new TransformStream<EncodedFrame, EncodedFrame>({
    // a frame that cannot be worked on is dropped: an error here would stop the track for good
    transform: (frame, controller) => work(frame, (one) => controller.enqueue(one)).catch(() => {}),
  });
  const gone = () => {
    senders.delete(transformer);
    receivers.delete(transformer);
  };
  transformer.readable.pipeThrough(through).pipeTo(transformer.writable).then(gone, gone);
  if (role.op === "send") tell({ op: "ready", lane: role.lane });
}

/** New keys begin with a key frame, so that whoever has only these has a picture at once. Asking is in vain for sound. */
function refresh(ask: (() => Promise<unknown>) | undefined): void {
  ask?.().catch(() => {});
}

function learn(peer: string, epoch: number, secret: CryptoKey): void {
  const ring = theirs.get(peer) ?? new Map<number, Secret>();
  theirs.set(peer, ring);
  const id = epoch & 0xff;
  if (ring.get(id)?.epoch === epoch) return; // sealed once more for us, because we asked
  ring.set(id, new Secret(epoch, secret));
  for (const [old, { epoch: then }] of ring) {
    if (then >= epoch) continue;
    setTimeout(() => {
      if (ring.get(old)?.epoch === then) ring.delete(old);
    }, grace);
  }
  for (const [transformer, { connection, mid }] of receivers) {
    const origin = carried.get(connection)?.get(mid);
    if (origin?.peer === peer && origin.source !== "mic") refresh(transformer.sendKeyFrameRequest?.bind(transformer));
  }
}

async function sample(re: number, source: string): Promise<void> {
  if (source) {
    const list = samples.get(source) ?? [];
    samples.set(source, [...list, (one) => tell({ op: "sample", re, sample: one })]);
    return;
  }
  const origin = { peer: self_, source: "probe" };
  const plain = new TextEncoder().encode("Guten Tag, hier spricht eine Probe: Diesen Satz liest der Server nicht.");
  if (!own) return tell({ op: "sample", re, sample: null });
  const sealed = await seal(await own.key("probe"), own.next("probe"), origin, 1, plain);
  tell({ op: "sample", re, sample: await examine(own, origin, plain, sealed) });
}

scope.onrtctransform = ({ transformer }) => attach(transformer);

scope.onmessage = ({ data }) => {
  switch (data.op) {
    case "own":
      self_ = data.peer;
      own = data.secret ? new Secret(data.epoch, data.secret) : null;
      if (own) for (const transformer of senders) refresh(transformer.generateKeyFrame?.bind(transformer));
      return;
    case "theirs":
      return learn(data.peer, data.epoch, data.secret);
    case "forget":
      theirs.delete(data.peer);
      return;
    case "carried":
      if (data.tracks.length) carried.set(data.connection, new Map(data.tracks));
      else carried.delete(data.connection);
      return;
    case "counts":
      return tell({ op: "counts", re: data.re, counts: Object.fromEntries(counts), lanes });
    case "sample":
      void sample(data.re, data.source);
  }
};
