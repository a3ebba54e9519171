// The keys of the room: who is who, which secret seals whose frames in which epoch, and the code that people compare aloud.
//
// Everybody draws a secret per epoch and seals it for each other member; the server passes envelopes on and can open none. The server could
// hand out keys of its own, though, in the name of others. Against that there is the code: two words over everybody's keys and one random
// number each, and each is committed to before any is shown, so that nobody can search for keys that give the same words.

import { Identity, type Familiar } from "./identity";
import type { Bytes } from "./frame";
import { decode, digest, encode, mac, number, pack, random, same, statement, unpack, utf8, wrapping, type End, type Notice } from "./notice";
import { codeWords } from "./words";

/**
 * verified: compared now or before, or this person's other window; linked: holds the secret of a guest's link; registered: a device that the
 * person's account had before, as the server says; waits: keys are not exchanged yet
 */
export type Trust = "verified" | "linked" | "registered" | Exclude<Familiar, "compared"> | "waits";

/** Whether somebody with a key is to be marked as unconfirmed. */
export function doubtful(trust: Trust): boolean {
  return trust === "new" || trust === "known" || trust === "changed";
}

/** Who is behind a peer, as the server says. */
export interface Behind {
  person: string;
  /** fingerprints of the devices of this person's account */
  devices: string[];
}

export interface Member {
  peer: string;
  trust: Trust;
}

/** The secrets of links to this conference that this browser knows: the guest's own, or those of the guests it invited. */
export interface Links {
  role: "guest" | "host" | "none";
  secrets: Bytes[];
}

interface Media {
  own(peer: string, epoch: number, secret: Bytes | null): Promise<void>;
  theirs(peer: string, epoch: number, secret: Bytes): Promise<void>;
  forget(peer: string): void;
}

interface Known extends End {
  key: CryptoKey;
  identity: Bytes;
  print: string;
  familiar: Familiar;
  linked: boolean;
  epoch: number; // of the newest secret that came
}

interface Round {
  n: number;
  nonce: Bytes;
  hash: Bytes; // of it, as promised
  shown: boolean;
}

/** How long several who come one after the other are waited for, so that they share an epoch. */
const gather = 60;
/** How long new secrets may travel before frames are sealed with them. */
const travel = 150;
/** What is missing is asked for after this long, then after twice as long each time. */
const askFirst = 1000;
const askLast = 30_000;
/** Somebody who asks more often than this is answered once. */
const answerEvery = 500;

export class Keys {
  /** the two words, or null while they are not known */
  code: readonly [string, string] | null = null;
  /** somebody showed another number than was promised: somebody tries to listen in */
  broken = false;

  /** epoch of the secret that own frames are sealed with; 0: none yet, and nothing is sent */
  sealing = 0;

  private self = "";
  private session: { pair: CryptoKeyPair; raw: Bytes; hello: Notice } | null = null;
  private newest = 0;
  private since = 0; // epoch in which these members first were together: that of the code
  private members: string[] = [];
  private own: { epoch: number; secret: Bytes } | null = null;
  private round: Round | null = null;
  private readonly known = new Map<string, Known>();
  private readonly greeted = new Set<string>();
  private readonly commits = new Map<string, Bytes>(); // "epoch/peer"; the first counts
  private readonly reveals = new Map<string, Bytes>();
  private readonly compared = new Set<string>(); // prints
  private readonly seen = new Map<string, Familiar>(); // "person/print"
  private persons = new Map<string, Behind>(); // by peer
  private steps: Promise<void> = Promise.resolve();
  private timer = 0;
  private asking = 0; // timer
  private readonly unopened = new Set<string>(); // peers whose frames come and cannot be opened
  private readonly asked = new Map<string, number>(); // peer → when we last asked
  private readonly answered = new Map<string, number>(); // peer → when we last answered

  constructor(
    private readonly conference: string,
    private readonly identity: Promise<Identity>,
    private readonly links: () => Promise<Links>,
    private readonly media: Media,
    private readonly send: (type: string, data: object) => void,
    private readonly changed: () => void,
  ) {}

  /** A new session begins: nothing of an earlier one counts. Sending stops until the first epoch of it. */
  welcome(self: string): void {
    this.close();
    this.self = self;
    this.newest = this.since = this.sealing = 0;
    this.members = [];
    this.session = this.own = this.round = this.code = null;
    for (const peer of this.known.keys()) this.media.forget(peer);
    for (const all of [this.known, this.greeted, this.commits, this.reveals, this.unopened, this.asked, this.answered]) all.clear();
    void this.media.own(self, 0, null);
    this.step(() => this.introduce(self));
  }

  /** Nothing more is begun or asked for, unless another session is. */
  close(): void {
    for (const timer of [this.timer, this.asking]) clearTimeout(timer);
    this.self = "";
  }

  /** The server says that an epoch begins. */
  epoch(n: number, members: string[], reason: string): void {
    if (!Number.isSafeInteger(n) || n <= this.newest) return;
    this.newest = n;
    const others = members.filter((one) => one !== this.self).sort();
    if (!this.since || others.join() !== this.members.join()) {
      // the same people keep their code: new words at will would let the server try until they suit it
      this.since = n;
      this.code = null;
      this.broken = false;
    }
    this.members = others;
    for (const peer of [...this.known.keys(), ...this.greeted]) if (!this.members.includes(peer)) this.lose(peer);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.step(() => this.begin(n)), reason === "join" && this.own ? gather : 0);
    this.watch(askFirst);
    this.changed();
  }

  /** An envelope came. What is wrong with it is its sender's problem, or the server's, and is dropped. */
  put(from: string, epoch: number, blob: string): void {
    const notice = unpack(blob);
    if (notice && Number.isSafeInteger(epoch) && from !== this.self) this.step(() => this.hear(from, epoch, notice));
  }

  /** Who is behind each peer, as the server says. */
  people(persons: Map<string, Behind>): void {
    this.persons = persons;
    this.step(async () => {
      for (const one of this.known.values()) await this.recognise(one);
    });
  }

  /** Frames of somebody came that we have no key for. They are asked for until some can be opened, or that peer is gone. */
  missing(peer: string): void {
    this.unopened.add(peer);
    this.step(async () => {
      if (!this.members.includes(peer)) return; // the epoch that makes it one asks
      this.ask(peer);
      this.watch(askFirst);
    });
  }

  /** Frames of somebody are opened. */
  opened(peer: string): void {
    this.unopened.delete(peer);
  }

  /** The other members, and how far each can be taken for who she says. */
  list(): Member[] {
    return this.members.map((peer) => ({ peer, trust: this.trust(peer) }));
  }

  /** The person has compared the code with the others: everybody who is in it now is who she says, also in conferences to come. */
  async confirm(): Promise<void> {
    if (!this.code) return;
    for (const { print, peer } of this.known.values()) {
      this.compared.add(print);
      await (await this.identity).compared(this.persons.get(peer)?.person ?? "", print).catch(() => {});
    }
    this.changed();
  }

  private trust(peer: string): Trust {
    const one = this.known.get(peer);
    if (!one) return "waits";
    if (this.compared.has(one.print) || one.familiar === "compared") return "verified";
    if (one.linked) return "linked";
    // whatever the server says: this browser has met her with another key
    if (one.familiar === "changed") return "changed";
    return this.persons.get(peer)?.devices.includes(one.print) ? "registered" : one.familiar;
  }

  /** Everything happens one after the other, in the order in which it came. */
  private step(work: () => Promise<void>): void {
    const session = this.self;
    this.steps = this.steps.then(async () => {
      if (session !== this.self) return;
      try {
        await work();
      } catch {
        // what does not fit the standard was not made by us
      }
    });
  }

  private say(to: string, notice: Notice): void {
    this.send("key.put", { epoch: this.newest, to, blob: pack(notice) });
  }

  private tell(epoch: number, notice: Notice, to = ""): void {
    this.send("key.put", { epoch, to, blob: pack(notice) });
  }

  // --- what does not come --------------------------------------------------------------------------------------------------------

  /** Looks after a while whether something is missing still, and asks for it; each time after twice as long. */
  private watch(after: number): void {
    clearTimeout(this.asking);
    this.asking = setTimeout(
      () =>
        this.step(async () => {
          const lacking = this.members.filter((peer) => this.lacks(peer));
          for (const peer of lacking) this.ask(peer);
          if (lacking.length) this.watch(Math.min(2 * after, askLast));
        }),
      after,
    );
  }

  private lacks(peer: string): boolean {
    const one = this.known.get(peer);
    const part = `${this.since}/${peer}`;
    return !one || one.epoch < this.newest || this.unopened.has(peer) || !this.commits.has(part) || !this.reveals.has(part);
  }

  private ask(peer: string): void {
    if (Date.now() - (this.asked.get(peer) ?? 0) < askFirst / 2) return;
    this.asked.set(peer, Date.now());
    this.say(peer, { t: "ask" });
  }

  /** Says everything again that somebody may lack; who has it already takes no harm. Who is unknown is asked in return. */
  private async answer(from: string): Promise<void> {
    if (!this.members.includes(from) || Date.now() - (this.answered.get(from) ?? 0) < answerEvery) return;
    this.answered.set(from, Date.now());
    this.greeted.delete(from);
    this.greet(from);
    const one = this.known.get(from);
    if (!one) return this.ask(from);
    await this.hand(one);
    if (this.round?.n !== this.since) return;
    const { n, hash, nonce, shown } = this.round;
    this.tell(n, { t: "commit", hash: encode(hash) }, from);
    if (shown) this.tell(n, { t: "reveal", nonce: encode(nonce) }, from);
  }

  // --- who is who -----------------------------------------------------------------------------------------------------------------

  private async introduce(self: string): Promise<void> {
    const identity = await this.identity;
    const links = await this.links();
    const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
    const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    const sig = await identity.sign(statement(this.conference, self, raw));
    const hello: Notice = { t: "hello", key: encode(raw), id: encode(identity.raw), sig: encode(sig) };
    const secret = links.role === "guest" ? links.secrets[0] : undefined;
    if (secret) hello.mac = encode(await mac(secret, "guest", self, raw));
    this.compared.add(await printOf(identity.raw));
    if (self !== this.self) return; // cut meanwhile
    this.session = { pair, raw, hello };
    this.say("", hello);
  }

  /** The first introduction of a peer id counts; another one would be somebody else's. */
  private async meet(from: string, hello: Notice & { t: "hello" }): Promise<void> {
    const session = this.session;
    if (this.known.has(from) || !session) return;
    const raw = decode(hello.key);
    const identity = decode(hello.id);
    if (!(await Identity.verify(identity, decode(hello.sig), statement(this.conference, from, raw)))) return;
    const key = await crypto.subtle.importKey("raw", raw, { name: "ECDH", namedCurve: "P-256" }, true, []);
    const one: Known = { peer: from, raw, key, identity, print: await printOf(identity), familiar: "new", linked: false, epoch: 0 };
    if (session !== this.session) return; // cut meanwhile
    this.known.set(from, one);
    await this.recognise(one);
    this.greet(from); // before anything else is said: nothing counts from somebody unknown
    if (hello.mac) await this.invited(one, decode(hello.mac));
    await this.hand(one);
    this.progress();
    this.changed();
  }

  private greet(peer: string): void {
    if (!this.session || this.greeted.has(peer)) return;
    this.greeted.add(peer);
    this.say(peer, this.session.hello);
  }

  /** Looks a key up once: whoever is met for the first time here stays new as long as this page lasts. */
  private async recognise(one: Known): Promise<void> {
    const person = this.persons.get(one.peer)?.person;
    if (!person) return;
    const name = `${person}/${one.print}`;
    const familiar = this.seen.get(name) ?? (await (await this.identity).familiar(person, one.print));
    this.seen.set(name, familiar);
    if (familiar === one.familiar) return;
    one.familiar = familiar;
    this.changed();
  }

  /** Somebody says that she holds a link's secret. If it is one that this browser made, it says so in return. */
  private async invited(one: Known, proof: Bytes): Promise<void> {
    const { role, secrets } = await this.links();
    if (role !== "host" || !this.session) return;
    for (const secret of secrets) {
      if (!same(await mac(secret, "guest", one.peer, one.raw), proof)) continue;
      one.linked = true;
      this.say(one.peer, { t: "proof", mac: encode(await mac(secret, "host", this.self, this.session.raw)) });
    }
  }

  private async vouched(from: string, proof: Bytes): Promise<void> {
    const one = this.known.get(from);
    const { role, secrets } = await this.links();
    const secret = secrets[0];
    if (!one || role !== "guest" || !secret) return;
    one.linked ||= same(await mac(secret, "host", from, one.raw), proof);
    this.changed();
  }

  private lose(peer: string): void {
    for (const all of [this.known, this.greeted, this.unopened, this.asked, this.answered]) all.delete(peer);
    this.media.forget(peer);
  }

  // --- secrets --------------------------------------------------------------------------------------------------------------------

  private async begin(n: number): Promise<void> {
    if (n !== this.newest) return; // another one has begun, and this one is its
    for (const peer of this.members) this.greet(peer);
    const mine = { epoch: n, secret: random(32) };
    const { session } = this;
    this.own = mine;
    for (const one of this.known.values()) await this.hand(one);
    if (session !== this.session) return; // cut meanwhile: numbers may begin anew, and this one come again for another secret
    if (this.sealing === 0) await this.use(mine);
    else setTimeout(() => this.step(async () => (session === this.session ? this.use(mine) : undefined)), travel);
    if (this.round?.n !== this.since) await this.promise(this.since);
  }

  private async use({ epoch, secret }: { epoch: number; secret: Bytes }): Promise<void> {
    if (epoch <= this.sealing) return;
    this.sealing = epoch;
    await this.media.own(this.self, epoch, secret);
    this.changed();
  }

  /** Seals our secret for somebody; never one of an epoch before hers. */
  private async hand(one: Known): Promise<void> {
    if (!this.own || !this.session || !this.members.includes(one.peer)) return;
    const { epoch, secret } = this.own;
    if (epoch !== this.newest) return; // the newest begins in a moment, and hands out its own
    const key = await wrapping(this.session.pair.privateKey, one.key, { peer: this.self, raw: this.session.raw }, one, epoch);
    const iv = random(12);
    const box = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, secret);
    this.send("key.put", { epoch, to: one.peer, blob: pack({ t: "key", iv: encode(iv), box: encode(new Uint8Array(box)) }) });
  }

  private async take(one: Known, epoch: number, notice: Notice & { t: "key" }): Promise<void> {
    if (!this.session || epoch < one.epoch) return;
    const key = await wrapping(this.session.pair.privateKey, one.key, one, { peer: this.self, raw: this.session.raw }, epoch);
    const secret = await crypto.subtle.decrypt({ name: "AES-GCM", iv: decode(notice.iv) }, key, decode(notice.box));
    one.epoch = epoch;
    await this.media.theirs(one.peer, epoch, new Uint8Array(secret));
  }

  private async hear(from: string, epoch: number, notice: Notice): Promise<void> {
    const one = this.known.get(from);
    switch (notice.t) {
      case "hello":
        return this.meet(from, notice);
      case "key":
        return one && this.take(one, epoch, notice);
      case "ask":
        return this.answer(from);
      case "proof":
        return this.vouched(from, decode(notice.mac));
      case "commit":
      case "reveal":
        if (epoch < this.since || epoch > this.newest + 1000) return;
        keep(notice.t === "commit" ? this.commits : this.reveals, `${epoch}/${from}`, decode(notice.t === "commit" ? notice.hash : notice.nonce));
        return this.progress();
    }
  }

  // --- the code -------------------------------------------------------------------------------------------------------------------

  private async promise(n: number): Promise<void> {
    if (!this.session) return;
    for (const all of [this.commits, this.reveals]) for (const key of all.keys()) if (Number(key.split("/")[0]) < n) all.delete(key);
    const { session } = this;
    const nonce = random(16);
    const hash = await this.commitment(this.self, session.raw, (await this.identity).raw, n, nonce);
    if (session !== this.session || n !== this.since) return; // then another round is promised
    this.round = { n, nonce, hash, shown: false };
    this.tell(n, { t: "commit", hash: encode(hash) });
    this.progress();
  }

  private commitment(peer: string, key: Bytes, identity: Bytes, n: number, nonce: Bytes): Promise<Bytes> {
    return digest("konsil commit 1", utf8(this.conference), number(n), utf8(peer), identity, key, nonce);
  }

  /** Shows our number once everybody's keys and hashes are there, and makes the code once everybody has shown hers. */
  private progress(): void {
    this.step(async () => {
      const round = this.round;
      if (!round || round.n !== this.since || !this.members.length) return;
      const all = this.members.map((peer) => ({ one: this.known.get(peer), commit: this.commits.get(`${round.n}/${peer}`), nonce: this.reveals.get(`${round.n}/${peer}`) }));
      if (!all.every(({ one, commit }) => one && commit)) return;
      if (!round.shown) {
        round.shown = true;
        this.tell(round.n, { t: "reveal", nonce: encode(round.nonce) });
      }
      if (this.code || !all.every(({ nonce }) => nonce)) return;
      await this.compute(round);
    });
  }

  private async compute(round: Round): Promise<void> {
    if (!this.session) return;
    const mine = (await this.identity).raw;
    const parts = [{ peer: this.self, identity: mine, raw: this.session.raw, nonce: round.nonce }];
    for (const peer of this.members) {
      const one = this.known.get(peer);
      const nonce = this.reveals.get(`${round.n}/${peer}`);
      const commit = this.commits.get(`${round.n}/${peer}`);
      if (!one || !nonce || !commit) return;
      if (!same(commit, await this.commitment(peer, one.raw, one.identity, round.n, nonce))) {
        this.broken = true;
        return this.changed();
      }
      parts.push({ peer, identity: one.identity, raw: one.raw, nonce });
    }
    const order = parts.map((part) => ({ ...part, by: encode(part.identity) + part.peer })).sort((a, b) => (a.by < b.by ? -1 : 1));
    const sum = await digest("konsil code 1", utf8(this.conference), number(round.n), ...order.flatMap((part) => [utf8(part.peer), part.identity, part.raw, part.nonce]));
    if (round !== this.round || round.n !== this.since) return;
    this.code = codeWords(sum);
    this.changed();
  }
}

/** The first that came counts; the rest would be a second try. */
function keep(all: Map<string, Bytes>, name: string, bytes: Bytes): void {
  if (!all.has(name) && all.size < 400) all.set(name, bytes);
}

/** A key's name, as accounts and this browser keep it. */
export async function printOf(identity: Bytes): Promise<string> {
  return encode((await digest("konsil print 1", identity)).slice(0, 16));
}
