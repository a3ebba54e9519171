// The shared notes of one conference as seen from one browser: the Y.Doc, its sync with the server, and the honest answer to "is it
// saved?". A change counts as saved when the server has acknowledged the frame that carried it, which it does after its own commit.

import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";
import * as Y from "yjs";
import type { Queue, Slot } from "./queue";
import { insertAgain, type Beginning } from "./redact";
import { ownWords, repeatEdits } from "./renew";

type Frame = Uint8Array<ArrayBuffer>;

export interface SaveState {
  kind: "loading" | "saved" | "pending" | "offline" | "refused" | "closing" | "sealed";
  words: string;
}

/** One local change on its way. */
interface Change {
  update: Uint8Array;
  /** its place on this device; it is not sent before it is there, or cannot be */
  slot: Slot;
  kept: boolean;
  /** left by an earlier page */
  old: boolean;
  /** its number on this connection, 0 while it has not been sent there */
  frame: number;
  sentAt: number;
}

/** What the page is told, beside `changed`. */
export interface Teller {
  /** Asks for a new connection: this one does not answer, or no longer tells the truth about our rights. */
  restart(): void;
  /** So many changes of an earlier page have been handed in and saved. */
  recovered(changes: number): void;
  /** The server does not take this document's changes: time for `renewed`. */
  stuck(): void;
  /** The server has written its log anew, without what was removed: this document may not be shown any longer; time for `begun`. */
  rewritten(beginning: Beginning): void;
}

const msg = { sync: 0, awareness: 1, ack: 100, hello: 101, state: 102, reject: 103 } as const;
const sync = { step1: 0, step2: 1, update: 2 } as const;
const rejected = { sealed: 1, right: 2, large: 3, client: 4, malformed: 5, missing: 6, outdated: 7 } as const;
const noteState = { open: 0, sealing: 1, sealed: 2, down: 3, rights: 4, rewritten: 5 } as const;

/** Where unacknowledged changes wait longer than this the socket is taken for dead. */
const patience = 10_000;
/** A first connection that takes longer than this is spoken of. */
const slow = 4_000;
/** Remote changes wait for the end of a composition, but not for somebody who paused in the middle of one. */
const holdLimit = 3_000;

/** What all sections together hold, in UTF-16 units. */
const noteLimit = 524_288;

const refusals: Record<number, string> = {
  [rejected.right]: "Sie dürfen hier nicht mehr schreiben.",
  [rejected.large]: `Die Mitschrift ist voll. Alle Abschnitte zusammen fassen ${noteLimit.toLocaleString("de")} Zeichen.`,
  [rejected.client]: "Ihre Änderungen kamen unter einer fremden Kennung an. Ihr Text wird neu eingesetzt.",
  [rejected.malformed]: "Der Server hat eine Änderung nicht verstanden. Ihr Text wird neu eingesetzt.",
};

/** Where one change is too much, though there is room in the note. */
const tooLarge = "Die Änderung war für einmal zu groß. Bitte fügen Sie langen Text in Teilen ein.";

/**
 * Owned by the live page; fed with frames, destroyed at the end. Reconnecting keeps the document and resends what is missing; only when the
 * server refuses what this document makes is it replaced (see `renewed`).
 */
export class Notes {
  readonly doc = new Y.Doc();
  readonly awareness = new Awareness(this.doc);
  /** Called after anything that changes `saveState` or `writable`. */
  changed: () => void = () => {};
  /** Words that were not saved yet went with what was removed around them. */
  leftOut = false;

  private pending: Change[] = [];
  private sent = 0; // document frames sent on this connection
  private linked = false; // hello received on this connection
  private asked = false; // the server's step 1 received: from here on changes may be sent
  private loaded = false; // the server's document has been here at least once
  private right = false;
  private largest = 64 * 1024;
  private server: number = noteState.open;
  private sealsAt = 0; // while the server's state is sealing
  private refusal = "";
  private lostAt = Date.now(); // when the connection, or the page, began to be without document
  private restored = false; // what an earlier page left is in the document
  private owed: Uint8Array | null = null; // the server's state vector, while it waits for an answer
  private recovered = 0; // of the changes of an earlier page, those acknowledged
  private predecessor: Notes | null = null; // whose unsaved edits are still to be repeated
  private taken: Map<number, number> | null = null; // of the predecessor's, if it belongs to an earlier log
  private base: number | null = null; // of the log that this document belongs to; null until the server has said it
  private baseKnown: (base: number) => void = () => {};
  private readonly knowsBase = new Promise<number>((known) => (this.baseKnown = known));
  private over = false;
  private held: Uint8Array[] | null = null;
  private holdTimer = 0;
  private awarenessTimer = 0;
  private readonly watchdog: number;

  constructor(
    private readonly send: (frame: Frame) => boolean,
    private readonly tell: Teller,
    private readonly queue: Queue,
    private readonly sections: string[],
  ) {
    this.awareness.setLocalState({});
    this.doc.on("update", this.onUpdate);
    this.awareness.on("update", this.onAwareness);
    this.watchdog = setInterval(() => this.watch(), 1000);
  }

  /** Begins with what an earlier page could not hand in any more. */
  async restore(): Promise<void> {
    const left = await this.queue.load();
    const base = left.length ? await this.knowsBase : 0;
    for (const { update, base: madeWith, slot } of left) {
      if (this.over) return;
      try {
        if (madeWith !== base) throw new Error("made with a document that is no more");
        Y.applyUpdate(this.doc, update, this);
        this.add(update, slot, true);
      } catch {
        this.queue.forget([slot]); // no update, for whatever reason: there is nothing in it to save
      }
    }
    this.restored = true;
    this.flush();
  }

  /**
   * Notes with a fresh document under a new client id, to be fed from the next connection on. As soon as the server's document is there they
   * repeat what these have not saved. These stay as they are, to be read, until they are destroyed.
   */
  renewed(): Notes {
    const fresh = new Notes(this.send, this.tell, this.queue, this.sections);
    fresh.predecessor = this;
    fresh.restored = true;
    fresh.base = this.base;
    return fresh;
  }

  /**
   * Notes with a fresh document of the log that begins there, on the connection that these have. What was typed into those on the page and
   * the log never had is inserted again.
   */
  begun({ base, taken }: Beginning, shown: Notes): Notes {
    const fresh = shown.renewed();
    fresh.base = base;
    fresh.taken = taken;
    const { linked, asked, right, largest, server, sealsAt, sent } = this;
    Object.assign(fresh, { linked, asked, right, largest, server, sealsAt, sent });
    shown.linked = shown.asked = false; // what is typed there from now on is for the fresh ones to send
    if (this !== shown) {
      this.predecessor = null;
      this.destroy();
    }
    fresh.begin();
    return fresh;
  }

  /** True while these wait for a document in the place of one that may not be shown any longer. */
  replaces(): boolean {
    return this.taken !== null;
  }

  /** Changes of this person that the server has not acknowledged. */
  unsaved(): number {
    return this.pending.length + (this.predecessor?.unsaved() ?? 0);
  }

  /** What this person has typed into a section and the server has not acknowledged. */
  unsavedWords(section: string): string {
    const before = this.predecessor?.unsavedWords(section) ?? "";
    const own = ownWords(this.doc, this.pending.map((change) => change.update), `s:${section}`);
    return before && own ? `${before}\n${own}` : before || own;
  }

  /** True while the server's document is here and the connection stands. */
  connected(): boolean {
    return this.linked && this.asked && this.loaded;
  }

  /** False until the edits of the notes before these are in. */
  settled(): boolean {
    return this.predecessor === null;
  }

  /** Whether typing makes sense now: right to write, document loaded, nothing refused, not sealed. Being offline does not matter. */
  writable(): boolean {
    return this.loaded && this.settled() && this.right && !this.refusal && this.server !== noteState.sealed;
  }

  saveState(): SaveState {
    const n = this.unsaved();
    const some = n === 1 ? "1 Änderung" : `${n} Änderungen`;
    const wait = n === 1 ? "wartet" : "warten";
    if (this.refusal) return { kind: "refused", words: `${some} nicht gespeichert: ${this.refusal}` };
    if (this.server === noteState.sealed) return { kind: "sealed", words: n ? `geschlossen – ${some} nicht mehr übernommen` : "geschlossen und gespeichert" };
    if (!this.loaded) return Date.now() - this.lostAt < slow ? { kind: "loading", words: "Mitschrift wird geladen …" } : { kind: "offline", words: "noch keine Verbindung – es wird weiter versucht" };
    if (!this.linked) return { kind: "offline", words: n ? `offline – ${some} ${wait}; wird gespeichert, sobald die Verbindung steht` : "offline – bis hierher ist alles gespeichert" };
    if (this.server === noteState.down) return { kind: "offline", words: n ? `Der Server kann gerade nicht speichern – ${some} ${wait}` : "Der Server kann gerade nicht speichern" };
    if (n && !this.right) return { kind: "refused", words: `${some} nicht gespeichert: ${refusals[rejected.right]}` };
    if (this.server === noteState.sealing) return { kind: "closing", words: this.closing() + (n ? ` – ${some} noch nicht gespeichert` : "") };
    if (n) return { kind: "pending", words: `${some} noch nicht gespeichert` };
    return { kind: "saved", words: this.right ? "gespeichert" : "gespeichert – Sie lesen mit" };
  }

  private closing(): string {
    const seconds = Math.ceil((this.sealsAt - Date.now()) / 1000);
    return seconds > 0 ? `Mitschrift schließt in ${seconds} s` : "Mitschrift schließt";
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
    this.owed = null;
    this.sent = 0;
    for (const change of this.pending) change.frame = 0;
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== this.doc.clientID);
    removeAwarenessStates(this.awareness, others, this);
    // with their clocks remembered, the same states would not be taken again after the reconnect
    for (const id of others) this.awareness.meta.delete(id);
    this.changed();
  }

  destroy(): void {
    this.over = true;
    this.predecessor?.destroy();
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
        return this.stateChanged(decoding.readVarUint(from), from);
      case msg.reject:
        return this.refused(decoding.readVarUint(from), decoding.readVarUint(from));
    }
  }

  private hello(from: decoding.Decoder): void {
    decoding.readVarUint(from); // connection id: for the server's log only
    decoding.readVarUint(from); // head: our state vector says more
    this.right = (decoding.readVarUint(from) & 2) !== 0;
    this.largest = decoding.readVarUint(from);
    decoding.readVarUint(from); // tick
    const beginning = readBeginning(from);
    this.linked = true;
    this.server = noteState.open;
    this.sent = 0;
    if (this.base !== null && this.base !== beginning.base) return this.tell.rewritten(beginning);
    this.base = beginning.base;
    this.baseKnown(beginning.base);
    this.begin();
  }

  /** Asks for the document. */
  private begin(): void {
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
    if (this.held) this.held.push(body);
    else Y.applyUpdate(this.doc, body, this);
    if (step !== sync.step2) return;
    this.loaded = true;
    this.inherit();
    this.flush();
  }

  /** Repeats the edits that the notes before these could not save. */
  private inherit(): void {
    const before = this.predecessor;
    if (!before) return;
    const unsaved = before.pending.map((change) => change.update);
    const slots = before.pending.map((change) => change.slot);
    const roots = this.sections.map((key) => `s:${key}`);
    const { taken } = this;
    this.doc.transact(() => {
      if (!taken) repeatEdits(before.doc, this.doc, unsaved, roots);
      else this.leftOut = insertAgain(before.doc, this.doc, unsaved, roots, taken);
    });
    this.predecessor = this.taken = null; // from here on the page may destroy it
    // only when the new ones are kept may the old ones go
    void Promise.all(this.pending.map((change) => change.slot.ready)).then(() => this.queue.forget(slots));
  }

  /** The server says what it has; it gets all the rest in one frame, which carries every waiting change. */
  private answer(stateVector: Uint8Array): void {
    this.asked = true;
    this.owed = stateVector;
    this.flush();
  }

  private readonly onUpdate = (update: Uint8Array, origin: unknown) => {
    if (origin !== this) this.add(update, this.queue.keep(update, this.base ?? 0), false);
  };

  private add(update: Uint8Array, slot: Slot, old: boolean): void {
    const change: Change = { update, slot, kept: false, old, frame: 0, sentAt: 0 };
    this.pending.push(change);
    void slot.ready.then(() => {
      change.kept = true;
      this.flush();
    });
    this.changed();
  }

  /** Sends what waits, as far as it is kept on this device: an answer to the server's question first, then changes in their order. */
  private flush(): void {
    if (!this.asked || !this.loaded || !this.restored || this.over || this.refusal || !this.right) return;
    if (this.owed && this.pending.length) {
      if (this.pending.some((change) => !change.kept)) return;
      const rest = Y.encodeStateAsUpdate(this.doc, this.owed);
      // too large for one frame: the changes one by one are not
      if (rest.length < this.largest - 16) this.sendDocument(sync.step2, rest, this.pending);
    }
    this.owed = null;
    for (const change of this.pending) {
      if (change.frame) continue;
      if (!change.kept) return;
      this.sendDocument(sync.update, change.update, [change]);
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
    const done = this.pending.filter((change) => change.frame > 0 && change.frame <= frames);
    if (!done.length) return;
    this.pending = this.pending.filter((change) => !done.includes(change));
    this.queue.forget(done.map((change) => change.slot));
    this.recovered += done.filter((change) => change.old).length;
    if (!this.recovered || this.pending.some((change) => change.old)) return;
    this.tell.recovered(this.recovered);
    this.recovered = 0;
  }

  private refused(number: number, reason: number): void {
    const which = this.pending.filter((change) => change.frame === number);
    if (reason === rejected.missing) {
      // the server's step 1 follows and its answer carries these again
      for (const change of which) change.frame = 0;
      return;
    }
    if (reason === rejected.outdated) return; // the news of that has come, or comes with the next hello
    // the change stays counted as not taken
    for (const change of which) change.frame = Infinity;
    if (reason === rejected.sealed) return this.sealed(); // the server's state says so too
    const fits = this.sections.reduce((sum, key) => sum + this.doc.getText(`s:${key}`).length, 0) <= noteLimit;
    this.refusal = reason === rejected.large && fits ? tooLarge : (refusals[reason] ?? "Der Server hat eine Änderung abgelehnt.");
    if (reason === rejected.client || reason === rejected.malformed) return this.tell.stuck();
    // a page that opens again must not begin with what is refused again
    this.queue.forget(this.pending.map((change) => change.slot));
  }

  private sealed(): void {
    this.server = noteState.sealed;
    void this.queue.wipe();
  }

  private stateChanged(state: number, from: decoding.Decoder): void {
    if (state === noteState.sealing) this.sealsAt = Date.now() + decoding.readVarUint(from);
    if (state === noteState.rights) return this.tell.restart(); // the next hello says what is left
    if (state === noteState.sealed) return this.sealed();
    if (state === noteState.rewritten) return this.tell.rewritten(readBeginning(from));
    this.server = state;
  }

  private watch(): void {
    if (!this.loaded || this.server === noteState.sealing) this.changed(); // the words depend on the time
    const oldest = this.pending.find((change) => change.frame > 0 && change.frame !== Infinity);
    if (!oldest || !this.linked || this.refusal || this.server !== noteState.open) return;
    if (Date.now() - oldest.sentAt > patience) this.tell.restart();
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

function readBeginning(from: decoding.Decoder): Beginning {
  const base = decoding.readVarUint(from);
  const taken = new Map<number, number>();
  for (let n = decoding.readVarUint(from); n > 0; n--) taken.set(decoding.readVarUint(from), decoding.readVarUint(from));
  return { base, taken };
}

function frame(type: number, body: (to: encoding.Encoder) => void): Frame {
  const to = encoding.createEncoder();
  encoding.writeVarUint(to, type);
  body(to);
  return encoding.toUint8Array(to);
}
