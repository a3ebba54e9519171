// The shared notes of one conference as seen from one browser: the Y.Doc, its sync with the server, and the honest answer to "is it
// saved?". A change counts as saved when the server has acknowledged the frame that carried it, which it does after its own commit.

import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";
import * as Y from "yjs";

type Frame = Uint8Array<ArrayBuffer>;

export interface SaveState {
  kind: "loading" | "saved" | "pending" | "offline" | "refused" | "sealed";
  words: string;
}

/** One local change on its way: frame is its number on this connection, 0 while it has not been sent there. */
interface Change {
  update: Uint8Array;
  frame: number;
  sentAt: number;
}

const msg = { sync: 0, awareness: 1, ack: 100, hello: 101, state: 102, reject: 103 } as const;
const sync = { step1: 0, step2: 1, update: 2 } as const;
const rejected = { sealed: 1, right: 2, large: 3, client: 4, malformed: 5, missing: 6 } as const;
const noteState = { open: 0, sealing: 1, sealed: 2, down: 3, rights: 4 } as const;

/** Where unacknowledged changes wait longer than this the socket is taken for dead. */
const patience = 10_000;
/** A first connection that takes longer than this is spoken of. */
const slow = 4_000;
/** Remote changes wait for the end of a composition, but not for somebody who paused in the middle of one. */
const holdLimit = 3_000;

const refusals: Record<number, string> = {
  [rejected.right]: "Sie dürfen hier nicht mehr schreiben.",
  [rejected.large]: "Der Text ist zu lang.",
  [rejected.client]: "Diese Seite ist noch einmal offen.",
  [rejected.malformed]: "Der Server hat eine Änderung nicht verstanden.",
};

/** Owned by the live page; made once, fed with frames, destroyed at the end. Reconnecting keeps the document and resends what is missing. */
export class Notes {
  readonly doc = new Y.Doc();
  readonly awareness = new Awareness(this.doc);
  /** Called after anything that changes `saveState` or `writable`. */
  changed: () => void = () => {};

  private pending: Change[] = [];
  private sent = 0; // document frames sent on this connection
  private linked = false; // hello received on this connection
  private asked = false; // the server's step 1 received: from here on changes may be sent
  private loaded = false; // the server's document has been here at least once
  private right = false;
  private largest = 64 * 1024;
  private server: number = noteState.open;
  private refusal = "";
  private lostAt = Date.now(); // when the connection, or the page, began to be without document
  private held: Uint8Array[] | null = null;
  private holdTimer = 0;
  private awarenessTimer = 0;
  private readonly watchdog: number;

  constructor(
    private readonly send: (frame: Frame) => boolean,
    /** Asks for a new connection: this one does not answer, or no longer tells the truth about our rights. */
    private readonly restart: () => void,
  ) {
    this.awareness.setLocalState({});
    this.doc.on("update", this.onUpdate);
    this.awareness.on("update", this.onAwareness);
    this.watchdog = setInterval(() => this.watch(), 1000);
  }

  /** Changes of this person that the server has not acknowledged. */
  unsaved(): number {
    return this.pending.length;
  }

  /** True while the server's document is here and the connection stands. */
  connected(): boolean {
    return this.linked && this.asked && this.loaded;
  }

  /** Whether typing makes sense now: right to write, document loaded, nothing refused, not sealed. Being offline does not matter. */
  writable(): boolean {
    return this.loaded && this.right && !this.refusal && this.server !== noteState.sealed;
  }

  saveState(): SaveState {
    const n = this.pending.length;
    const some = n === 1 ? "1 Änderung" : `${n} Änderungen`;
    const wait = n === 1 ? "wartet" : "warten";
    if (this.refusal) return { kind: "refused", words: `${some} nicht gespeichert: ${this.refusal}` };
    if (this.server === noteState.sealed) return { kind: "sealed", words: n ? `geschlossen – ${some} nicht mehr übernommen` : "geschlossen und gespeichert" };
    if (!this.loaded) return Date.now() - this.lostAt < slow ? { kind: "loading", words: "Mitschrift wird geladen …" } : { kind: "offline", words: "noch keine Verbindung – es wird weiter versucht" };
    if (!this.linked) return { kind: "offline", words: n ? `offline – ${some} ${wait}; wird gespeichert, sobald die Verbindung steht` : "offline – bis hierher ist alles gespeichert" };
    if (this.server === noteState.down) return { kind: "offline", words: n ? `Der Server kann gerade nicht speichern – ${some} ${wait}` : "Der Server kann gerade nicht speichern" };
    if (n) return { kind: "pending", words: `${some} noch nicht gespeichert` };
    return { kind: "saved", words: this.right ? "gespeichert" : "gespeichert – Sie lesen mit" };
  }

  /** Lets remote changes wait while an input method composes; see `release`. Calling it again extends the time. */
  hold(): void {
    this.held ??= [];
    clearTimeout(this.holdTimer);
    this.holdTimer = setTimeout(() => this.release(), holdLimit);
  }

  release(): void {
    clearTimeout(this.holdTimer);
    const waiting = this.held;
    this.held = null;
    for (const update of waiting ?? []) Y.applyUpdate(this.doc, update, this);
  }

  /** The socket is gone: what was sent without an acknowledgement counts as not sent. */
  lost(): void {
    if (this.linked) this.lostAt = Date.now();
    this.linked = this.asked = false;
    this.sent = 0;
    for (const change of this.pending) change.frame = 0;
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== this.doc.clientID);
    removeAwarenessStates(this.awareness, others, this);
    // with their clocks remembered, the same states would not be taken again after the reconnect
    for (const id of others) this.awareness.meta.delete(id);
    this.changed();
  }

  destroy(): void {
    clearInterval(this.watchdog);
    clearTimeout(this.holdTimer);
    clearTimeout(this.awarenessTimer);
    this.doc.off("update", this.onUpdate);
    this.awareness.off("update", this.onAwareness);
    this.pending = [];
    this.held = null;
    this.awareness.destroy();
    this.doc.destroy();
  }

  /** Takes one binary frame of the server. A frame that cannot be read is reported and dropped: the next sync repairs what it meant. */
  receive(frame: Uint8Array): void {
    try {
      this.read(decoding.createDecoder(frame));
    } catch (error) {
      reportError(error);
    }
    this.changed();
  }

  private read(from: decoding.Decoder): void {
    switch (decoding.readVarUint(from)) {
      case msg.sync:
        return this.readSync(from);
      case msg.awareness:
        return applyAwarenessUpdate(this.awareness, decoding.readVarUint8Array(from), this);
      case msg.ack:
        return this.acknowledged(decoding.readVarUint(from));
      case msg.hello:
        return this.hello(from);
      case msg.state:
        return this.stateChanged(decoding.readVarUint(from));
      case msg.reject:
        return this.refused(decoding.readVarUint(from), decoding.readVarUint(from));
    }
  }

  private hello(from: decoding.Decoder): void {
    decoding.readVarUint(from); // connection id: for the server's log only
    decoding.readVarUint(from); // head: our state vector says more
    this.right = (decoding.readVarUint(from) & 2) !== 0;
    this.largest = decoding.readVarUint(from);
    this.linked = true;
    this.server = noteState.open;
    this.sent = 0;
    this.send(frame(msg.sync, (to) => {
      encoding.writeVarUint(to, sync.step1);
      encoding.writeVarUint8Array(to, Y.encodeStateVector(this.doc));
    }));
    // others have been told that we are gone, at the clock we had: the same state needs a higher one to be seen again
    this.awareness.setLocalState({ ...this.awareness.getLocalState() });
  }

  private readSync(from: decoding.Decoder): void {
    const step = decoding.readVarUint(from);
    const body = decoding.readVarUint8Array(from);
    if (step === sync.step1) return this.answer(body);
    if (step === sync.step2) this.loaded = true;
    if (this.held) this.held.push(body);
    else Y.applyUpdate(this.doc, body, this);
  }

  /** The server says what it has; it gets all the rest in one frame, which carries every waiting change. */
  private answer(stateVector: Uint8Array): void {
    this.asked = true;
    if (!this.right || this.refusal || !this.pending.length) return;
    const rest = Y.encodeStateAsUpdate(this.doc, stateVector);
    if (rest.length < this.largest - 16) return this.sendDocument(sync.step2, rest, this.pending);
    this.flush(); // too large for one frame: the changes one by one are not
  }

  private readonly onUpdate = (update: Uint8Array, origin: unknown) => {
    if (origin === this) return;
    this.pending.push({ update, frame: 0, sentAt: 0 });
    this.flush();
    this.changed();
  };

  private flush(): void {
    if (!this.asked || this.refusal || !this.right) return;
    for (const change of this.pending) {
      if (!change.frame) this.sendDocument(sync.update, change.update, [change]);
    }
  }

  private sendDocument(step: number, update: Uint8Array, carried: Change[]): void {
    const sent = this.send(frame(msg.sync, (to) => {
      encoding.writeVarUint(to, step);
      encoding.writeVarUint8Array(to, update);
    }));
    if (!sent) return;
    this.sent++;
    for (const change of carried) {
      change.frame = this.sent;
      change.sentAt = Date.now();
    }
  }

  private acknowledged(frames: number): void {
    this.pending = this.pending.filter((change) => change.frame === 0 || change.frame > frames);
  }

  private refused(number: number, reason: number): void {
    if (reason === rejected.missing) {
      // the server's step 1 follows and its answer carries these again
      for (const change of this.pending) if (change.frame === number) change.frame = 0;
      return;
    }
    // a sealed note says so by its state; the change stays counted as not taken
    for (const change of this.pending) if (change.frame === number) change.frame = Infinity;
    if (reason === rejected.sealed) this.server = noteState.sealed;
    else this.refusal = refusals[reason] ?? "Der Server hat eine Änderung abgelehnt.";
  }

  private stateChanged(state: number): void {
    if (state === noteState.rights) return this.restart(); // the next hello says what is left
    this.server = state;
  }

  private watch(): void {
    if (!this.loaded) this.changed(); // the words depend on how long it takes
    const oldest = this.pending.find((change) => change.frame > 0 && change.frame !== Infinity);
    if (!oldest || !this.linked || this.refusal || this.server !== noteState.open) return;
    if (Date.now() - oldest.sentAt > patience) this.restart();
  }

  private readonly onAwareness = (_: unknown, origin: unknown) => {
    if (origin === this || this.awarenessTimer) return;
    this.awarenessTimer = setTimeout(() => {
      this.awarenessTimer = 0;
      this.sendAwareness();
    }, 100);
  };

  private sendAwareness(): void {
    if (!this.linked || !this.awareness.getLocalState()) return;
    this.send(frame(msg.awareness, (to) => {
      encoding.writeVarUint8Array(to, encodeAwarenessUpdate(this.awareness, [this.doc.clientID]));
    }));
  }
}

function frame(type: number, body: (to: encoding.Encoder) => void): Frame {
  const to = encoding.createEncoder();
  encoding.writeVarUint(to, type);
  body(to);
  return encoding.toUint8Array(to);
}
