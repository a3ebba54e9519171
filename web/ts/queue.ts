// What this person has typed and the server has not yet acknowledged, kept on this device so that it outlives a crash of the tab. Each change
// is encrypted before it is written, with a key that no script can read out; the server is never asked for it.
//
// It refuses to be a hindrance: where the browser has no store, or the store fails or dawdles, a change counts as not kept and goes its way.

const name = "konsil-notes";
const keys = "key";
const changes = "change";
const day = 24 * 60 * 60 * 1000;
/** After a day a conference is over, and what somebody left behind is of no use to her. A key outlives what it opens. */
const tooOld = { [keys]: 30 * day, [changes]: day };
/** Longer than this nobody waits for the store: to send a change, to begin with what is left, to leave. In milliseconds. */
const patience = { send: 1000, begin: 10_000, leave: 3000 };

interface Kept {
  id?: number;
  scope: string;
  page: string;
  /** which log of the note it was made with; see redact.ts */
  base: number;
  at: number;
  iv: Uint8Array<ArrayBuffer>;
  data: ArrayBuffer;
}

/** The place of a change on this device. Its promises never reject. */
export interface Slot {
  /** the number under which it lies there; null when it does not */
  id: Promise<number | null>;
  /** when it may be sent: it lies there, or it will not or not soon */
  ready: Promise<unknown>;
}

const there = (id: number | null): Slot => ({ id: Promise.resolve(id), ready: Promise.resolve() });

/** A change that an earlier page has left. */
export interface Left {
  update: Uint8Array;
  base: number;
  slot: Slot;
}

/** The queue of one person in one conference. Made by the live page; `wipe` ends it. Several tabs share a store, but not their changes. */
export class Queue {
  private readonly scope: string;
  private readonly page = crypto.getRandomValues(new BigUint64Array(1))[0]?.toString(36) ?? "";
  private db: Promise<IDBDatabase | null> | null = null;
  private key: Promise<CryptoKey> | null = null;
  private last: Promise<unknown> = Promise.resolve(); // changes are written in the order in which they were made
  private wiped = false;

  /** @param on whether anything may be kept on this device; see `allow` */
  constructor(
    conference: string,
    person: string,
    private on: boolean,
  ) {
    this.scope = `${conference}/${person}`;
    // held as long as this page lives: another tab sees by it whose changes are still being looked after
    void navigator.locks?.request(lockOf(this.page), () => new Promise(() => {})).catch(() => {});
  }

  /** False where this browser cannot keep anything safely, as on a page without https. */
  static possible(): boolean {
    return typeof indexedDB !== "undefined" && typeof crypto.subtle !== "undefined";
  }

  /** The changes of pages that are no longer there, oldest first. What is older than a day is removed instead. */
  async load(): Promise<Left[]> {
    const load = this.trying(async (db) => {
      await tidy(db);
      const alive = await pagesAlive();
      const all = await asked<Kept[]>(db.transaction(changes).objectStore(changes).index("scope").getAll(this.scope));
      const found: Left[] = [];
      for (const one of all.filter((one) => !alive.has(one.page))) {
        const update = await this.decrypt(db, one).catch(() => null);
        if (update) found.push({ update, base: one.base, slot: there(one.id ?? null) });
      }
      return found;
    }, []);
    return within(load, patience.begin, []);
  }

  /** Keeps a change on this device, made with the log that begins after base. */
  keep(update: Uint8Array, base: number): Slot {
    const before = this.last;
    if (!this.usable()) return there(null);
    const id = this.trying(async (db) => {
      await before;
      const kept = await this.encrypt(db, update, base);
      if (!this.usable()) return null;
      const tx = db.transaction(changes, "readwrite");
      const added = asked<IDBValidKey>(tx.objectStore(changes).add(kept));
      await finished(tx);
      return Number(await added);
    }, null);
    const ready = within(id, patience.send, null);
    this.last = ready;
    return { id, ready };
  }

  /** Removes what has been acknowledged. */
  forget(slots: Slot[]): void {
    void this.trying(async (db) => {
      const ids = (await Promise.all(slots.map((slot) => slot.id))).filter((id) => id !== null);
      if (!ids.length) return;
      const tx = db.transaction(changes, "readwrite");
      for (const id of ids) tx.objectStore(changes).delete(id);
      await finished(tx);
    }, undefined);
  }

  /** Switches keeping on or off; off removes what is there. Takes effect with the next change. */
  async allow(on: boolean): Promise<void> {
    this.on = on; // first, so that nothing is written after the removal
    if (!on) await this.remove();
  }

  /** Removes everything of this person in this conference, key included, and keeps nothing any more. */
  async wipe(): Promise<void> {
    const removed = this.remove();
    this.wiped = true;
    await removed;
  }

  private usable(): boolean {
    return this.on && !this.wiped;
  }

  private async remove(): Promise<void> {
    await this.last;
    await this.trying(async (db) => {
      this.key = null;
      const tx = db.transaction([keys, changes], "readwrite");
      tx.objectStore(keys).delete(this.scope);
      removeAll(tx.objectStore(changes).index("scope").openCursor(this.scope));
      await finished(tx);
    }, undefined, true);
  }

  /** Runs work on the store; what fails comes out as `otherwise`. */
  private async trying<T>(work: (db: IDBDatabase) => Promise<T>, otherwise: T, always = false): Promise<T> {
    if (!Queue.possible() || !(always || this.usable())) return otherwise;
    const run = async (): Promise<T> => {
      this.db ??= open().catch(() => null);
      const db = await this.db;
      return db ? work(db) : otherwise;
    };
    return run().catch(() => otherwise);
  }

  private async encrypt(db: IDBDatabase, update: Uint8Array, base: number): Promise<Kept> {
    this.key ??= keyOf(db, this.scope);
    const iv = crypto.getRandomValues(new Uint8Array(12)); // NIST SP 800-38D §8.2.2
    const plain = new Uint8Array(update);
    const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: this.bound() }, await this.key, plain);
    return { scope: this.scope, page: this.page, base, at: Date.now(), iv, data };
  }

  private async decrypt(db: IDBDatabase, kept: Kept): Promise<Uint8Array> {
    this.key ??= keyOf(db, this.scope);
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: kept.iv, additionalData: this.bound() }, await this.key, kept.data));
  }

  /** Ties a change to its conference and person: moved elsewhere, it does not open. */
  private bound(): Uint8Array<ArrayBuffer> {
    return new TextEncoder().encode(this.scope);
  }
}

/** Removes all unsaved notes that konsil keeps on this device, of everybody. Waits three seconds at most. */
export async function wipeDevice(): Promise<void> {
  if (typeof indexedDB === "undefined") return;
  const removed = new Promise<void>((done) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = request.onerror = () => done();
  });
  await within(removed, patience.leave, undefined);
}

/** Removes what this device keeps of a conference that its person may no longer see. */
export async function forgetConference(code: string): Promise<void> {
  if (!Queue.possible()) return;
  const db = await open();
  const range = IDBKeyRange.bound(`${code}/`, `${code}/\uffff`);
  const tx = db.transaction([keys, changes], "readwrite");
  tx.objectStore(keys).delete(range);
  removeAll(tx.objectStore(changes).index("scope").openCursor(range));
  await finished(tx);
  db.close();
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(keys);
      request.result.createObjectStore(changes, { keyPath: "id", autoIncrement: true }).createIndex("scope", "scope");
    };
    request.onerror = request.onblocked = () => reject(request.error ?? new Error("the store is blocked"));
    request.onsuccess = () => {
      // somebody signs out in another tab: let go, so that the store can be removed
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
  });
}

/** The key of a scope, made on first use. It cannot be read out, only used. */
async function keyOf(db: IDBDatabase, scope: string): Promise<CryptoKey> {
  const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const tx = db.transaction(keys, "readwrite");
  const store = tx.objectStore(keys);
  const there = await asked<{ key: CryptoKey } | undefined>(store.get(scope));
  if (there) return there.key; // another tab was first, or an earlier page
  store.put({ key: made, at: Date.now() }, scope);
  await finished(tx);
  return made;
}

async function tidy(db: IDBDatabase): Promise<void> {
  const tx = db.transaction([keys, changes], "readwrite");
  for (const store of [keys, changes] as const) {
    removeAll(tx.objectStore(store).openCursor(), (value) => value.at < Date.now() - tooOld[store]);
  }
  await finished(tx);
}

function removeAll(cursor: IDBRequest<IDBCursorWithValue | null>, which: (value: { at: number }) => boolean = () => true): void {
  cursor.onsuccess = () => {
    const here = cursor.result;
    if (!here) return;
    if (which(here.value as { at: number })) here.delete();
    here.continue();
  };
}

const lockOf = (page: string) => `konsil-page ${page}`;

/** The pages of this browser that hold their lock: their changes are not left behind. */
async function pagesAlive(): Promise<Set<string>> {
  const state = await navigator.locks?.query();
  return new Set((state?.held ?? []).map((one) => (one.name ?? "").replace(lockOf(""), "")));
}

function asked<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error ?? new Error("the store failed"));
  });
}

function finished(tx: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onerror = tx.onabort = () => reject(tx.error ?? new Error("the store failed"));
  });
}

function within<T>(work: Promise<T>, wait: number, otherwise: T): Promise<T> {
  return Promise.race([work, new Promise<T>((done) => setTimeout(() => done(otherwise), wait))]);
}
