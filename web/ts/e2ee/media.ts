// The page's side of the worker that seals and opens every frame.

import { importSecret, type Bytes, type Origin } from "./frame";
import type { Counts, FromWorker, Role, Sample, ToWorker } from "./wire";

/** The worker's file, put in by the build. Its name is the hash of its content. */
declare const workerFile: string;

/** What lib.dom says about encoded transforms. */
declare class RTCRtpScriptTransform {
  constructor(worker: Worker, options: Role);
}
interface Transformed {
  transform: RTCRtpScriptTransform | null;
}

export interface MediaEvents {
  /** frames of somebody come whose key is not there; once per key */
  waits(of: Origin): void;
  /** and are opened now */
  opens(of: Origin): void;
  /** the worker is dead: nothing can be sealed or opened any more */
  died(): void;
}

/** How long the worker may take for an answer, and for its start: nothing leaks meanwhile, it only takes its time on a busy machine. */
const patience = 8000;
const startPatience = 30_000;

export class Media {
  private readonly worker: Worker;
  private asked = 0;
  private readonly answers = new Map<number, (answer: FromWorker | null) => void>();
  private turns = 0;
  private lanes = 0;
  private readonly attached = new Map<number, () => void>();
  private keyed: Promise<void>;
  private hasKey: () => void = () => {};

  /** Says whether this browser can encrypt at all. Where it cannot, nothing may be sent or received. */
  static possible(): boolean {
    return typeof Worker === "function" && "RTCRtpScriptTransform" in globalThis && globalThis.crypto?.subtle !== undefined;
  }

  constructor(private readonly events: MediaEvents) {
    this.worker = new Worker(new URL(workerFile, import.meta.url), { type: "module", name: "konsil-e2ee" });
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.heard(data);
    this.worker.onerror = () => this.events.died();
    this.keyed = new Promise((done) => (this.hasKey = done));
  }

  /**
   * Puts the seal between a sender and the network; call it before the first offer and without a track. Gives the sender's lane when the
   * worker holds it and has a key: only then may it be given a track. Rejects when the browser does not hand it over.
   */
  async send(sender: RTCRtpSender, source: string): Promise<number> {
    const lane = ++this.lanes;
    const ready = new Promise<void>((done, failed) => {
      const timer = setTimeout(() => failed(new Error("the browser did not hand the sender over")), startPatience);
      this.attached.set(lane, () => {
        clearTimeout(timer);
        done();
      });
    });
    (sender as unknown as Transformed).transform = new RTCRtpScriptTransform(this.worker, { op: "send", lane, source });
    await ready;
    await this.keyed;
    return lane;
  }

  /** Opens what a receiver gets; call it before media can flow. A second call changes nothing. */
  receive(receiver: RTCRtpReceiver, connection: number, mid: string): void {
    const one = receiver as unknown as Transformed;
    one.transform ??= new RTCRtpScriptTransform(this.worker, { op: "receive", connection, mid });
  }

  /** Says whose media each mid of a connection carries, before it does. */
  carried(connection: number, tracks: Map<string, Origin>): void {
    this.post({ op: "carried", connection, tracks: [...tracks].map(([mid, { peer, source }]) => [mid, { peer, source }]) });
  }

  /** Seals with this secret from now on; null stops all sending. */
  async own(peer: string, epoch: number, secret: Bytes | null): Promise<void> {
    const turn = ++this.turns;
    if (!secret) this.keyed = new Promise((done) => (this.hasKey = done));
    const key = secret && (await importSecret(secret));
    if (turn !== this.turns) return; // overtaken: what was said last holds
    this.post({ op: "own", peer, epoch, secret: key });
    if (key) this.hasKey();
  }

  async theirs(peer: string, epoch: number, secret: Bytes): Promise<void> {
    this.post({ op: "theirs", peer, epoch, secret: await importSecret(secret) });
  }

  forget(peer: string): void {
    this.post({ op: "forget", peer });
  }

  /** Frames by "peer/source", oneself included. */
  async counts(): Promise<Record<string, Counts>> {
    const answer = await this.ask((re) => ({ op: "counts", re }));
    return answer?.op === "counts" ? answer.counts : {};
  }

  /** How many frames of a lane have passed the worker; null when it has not answered in time. */
  async passed(lane: number): Promise<number | null> {
    const answer = await this.ask((re) => ({ op: "counts", re }));
    return answer?.op === "counts" ? (answer.lanes[lane] ?? 0) : null;
  }

  /** The next own frame of a source beside its sealed form; with "" that of a sentence. Null when there is none in time. */
  async sample(source: string): Promise<Sample | null> {
    const answer = await this.ask((re) => ({ op: "sample", re, source }));
    return answer?.op === "sample" ? answer.sample : null;
  }

  close(): void {
    this.worker.onmessage = this.worker.onerror = null;
    this.worker.terminate();
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private ask(message: (re: number) => ToWorker): Promise<FromWorker | null> {
    const re = ++this.asked;
    this.post(message(re));
    return new Promise((done) => {
      const timer = setTimeout(() => this.answers.get(re)?.(null), patience);
      this.answers.set(re, (answer) => {
        clearTimeout(timer);
        this.answers.delete(re);
        done(answer);
      });
    });
  }

  private heard(message: FromWorker): void {
    switch (message.op) {
      case "ready":
        this.attached.get(message.lane)?.();
        return;
      case "waits":
        return this.events.waits({ peer: message.peer, source: message.source });
      case "open":
        return this.events.opens({ peer: message.peer, source: message.source });
      default:
        this.answers.get(message.re)?.(message);
    }
  }
}
