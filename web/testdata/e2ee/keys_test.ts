// Participants around a server that does what the test wants. Identities are not kept: there is no store here.

import { Identity } from "../../ts/e2ee/identity";
import { doubtful, Keys, printOf, type Links } from "../../ts/e2ee/keys";
import { decode, pack, unpack } from "../../ts/e2ee/notice";
import { codeWords } from "../../ts/e2ee/words";
import { check, expect, hex, until } from "./check";

interface Envelope {
  from: string;
  to: string;
  epoch: number;
  blob: string;
}

const everybody: Keys[] = [];

class Participant {
  readonly keys: Keys;
  own: { epoch: number; secret: Uint8Array } | null = null;
  readonly ring = new Map<string, string>(); // "peer/epoch" → secret

  constructor(
    readonly peer: string,
    server: Server,
    links: Links = { role: "none", secrets: [] },
  ) {
    const media = {
      own: async (_: string, epoch: number, secret: Uint8Array | null) => void (this.own = secret && { epoch, secret }),
      theirs: async (from: string, epoch: number, secret: Uint8Array) => void this.ring.set(`${from}/${epoch}`, hex(secret)),
      forget: () => {},
    };
    this.keys = new Keys("K7M2-PX", Identity.of(null), async () => links, media, (_, data) => server.pass({ from: peer, ...data } as Envelope), () => {});
    everybody.push(this.keys);
    this.keys.welcome(peer);
  }

  /** Has the secret that another one seals with now. */
  hears(other: Participant): boolean {
    return other.own !== null && this.ring.get(`${other.peer}/${other.own.epoch}`) === hex(other.own.secret);
  }
}

/** Passes envelopes on in order, each a moment later, unless the test takes them. */
class Server {
  readonly inside = new Map<string, Participant>();
  readonly seen: Envelope[] = [];
  /** what to deliver instead */
  twist: (envelope: Envelope, to: string) => Envelope | null = (envelope) => envelope;
  private n = 0;

  pass(envelope: Envelope): void {
    this.seen.push(envelope);
    for (const one of this.inside.values()) {
      if (one.peer === envelope.from || (envelope.to !== "" && envelope.to !== one.peer)) continue;
      const given = this.twist(envelope, one.peer);
      if (given) setTimeout(() => one.keys.put(given.from, given.epoch, given.blob), 1);
    }
  }

  join(...all: Participant[]): void {
    for (const one of all) this.inside.set(one.peer, one);
    this.epoch("join");
  }

  leave(one: Participant): void {
    this.inside.delete(one.peer);
    this.epoch("leave");
  }

  epoch(reason: string): void {
    this.n++;
    const members = [...this.inside.keys()].sort();
    for (const one of this.inside.values()) one.keys.epoch(this.n, members, reason);
  }
}

function words(one: Participant): string {
  return one.keys.code?.join(" ") ?? "";
}

function agree(...all: Participant[]): boolean {
  const codes = new Set(all.map(words));
  return codes.size === 1 && !codes.has("");
}

function exchanged(...all: Participant[]): boolean {
  return all.every((one) => all.every((other) => one === other || one.hears(other)));
}

check("three who come one after the other have each other's keys and the same code", async () => {
  const server = new Server();
  const anna = new Participant("a", server);
  server.join(anna);
  await until("alone, she could send", () => anna.own !== null);
  expect(words(anna) === "", "a code with nobody");
  const bert = new Participant("b", server);
  server.join(bert);
  await until("two", () => agree(anna, bert) && exchanged(anna, bert));
  const two = words(anna);
  const carl = new Participant("c", server);
  server.join(carl);
  await until("three", () => agree(anna, bert, carl) && exchanged(anna, bert, carl) && anna.own?.epoch === 3);
  expect(words(anna) !== two, "a third person does not change the code");
  expect(!carl.ring.has("a/2") && !carl.ring.has("b/2"), "who comes later gets earlier keys");
});

check("whoever has left gets no key of the next epoch", async () => {
  const server = new Server();
  const [anna, bert, carl] = [new Participant("a", server), new Participant("b", server), new Participant("c", server)];
  server.join(anna, bert, carl);
  await until("three", () => agree(anna, bert, carl) && exchanged(anna, bert, carl));
  const before = hex(anna.own?.secret ?? new Uint8Array());
  server.leave(carl);
  await until("two go on", () => anna.own?.epoch === 2 && bert.own?.epoch === 2 && exchanged(anna, bert) && agree(anna, bert));
  expect(hex(anna.own?.secret ?? new Uint8Array()) !== before, "the key is the old one");
  expect(!carl.hears(anna) && !carl.hears(bert), "carl can still listen");
  expect(server.seen.every((one) => one.epoch < 2 || one.to !== "c"), "something is still sent to carl");
});

check("many who come at once end with one code and all keys", async () => {
  const server = new Server();
  const all: Participant[] = [];
  for (let n = 0; n < 8; n++) {
    const one = new Participant(`p${n}`, server);
    all.push(one);
    server.join(one);
    await new Promise((done) => setTimeout(done, 10));
  }
  await until("eight", () => agree(...all) && exchanged(...all));
});

check("nobody shows her number before everybody has promised one", async () => {
  const server = new Server();
  let held = true;
  server.twist = (envelope) => (held && envelope.from === "b" && unpack(envelope.blob)?.t === "commit" ? null : envelope);
  const [anna, bert] = [new Participant("a", server), new Participant("b", server)];
  server.join(anna, bert);
  await until("keys are exchanged all the same", () => exchanged(anna, bert));
  await new Promise((done) => setTimeout(done, 100));
  const shown = server.seen.filter((one) => one.from === "a" && unpack(one.blob)?.t === "reveal");
  expect(shown.length === 0, "anna shows her number to somebody who has promised nothing");
  held = false;
  const promise = server.seen.find((one) => one.from === "b" && unpack(one.blob)?.t === "commit");
  expect(promise !== undefined, "bert promised nothing");
  anna.keys.put("b", promise.epoch, promise.blob);
  await until("the same code", () => agree(anna, bert));
});

check("another number than promised is noticed", async () => {
  const server = new Server();
  server.twist = (envelope) => (envelope.from === "b" && unpack(envelope.blob)?.t === "reveal" ? { ...envelope, blob: pack({ t: "reveal", nonce: "AAAAAAAAAAAAAAAAAAAAAA" }) } : envelope);
  const [anna, bert] = [new Participant("a", server), new Participant("b", server)];
  server.join(anna, bert);
  await until("anna notices", () => anna.keys.broken);
  expect(anna.keys.code === null, "there is a code all the same");
});

check("a server between two makes their codes differ", async () => {
  // anna speaks with the server's "b", bert with the server's "a": each sees a proper room of two
  const left = new Server();
  const right = new Server();
  const [anna, fakeB] = [new Participant("a", left), new Participant("b", left)];
  const [fakeA, bert] = [new Participant("a", right), new Participant("b", right)];
  left.join(anna, fakeB);
  right.join(fakeA, bert);
  await until("both have a code", () => anna.keys.code !== null && bert.keys.code !== null);
  // one chance in 65,536 that they are the same by accident: two in a row are none
  if (agree(anna, bert)) {
    const third = [new Participant("c", left), new Participant("c", right)] as const;
    left.join(third[0]);
    right.join(third[1]);
    await until("new codes", () => agree(anna, fakeB, third[0]) && agree(fakeA, bert, third[1]));
  }
  expect(!agree(anna, bert), `both read ${words(anna)}`);
});

check("an introduction that its key has not signed counts for nothing, and the first one counts for good", async () => {
  const server = new Server();
  const [anna, bert, eve] = [new Participant("a", server), new Participant("b", server), new Participant("e", new Server())];
  await until("eve has introduced herself elsewhere", () => eve !== undefined);
  const other = new Server();
  const mallory = new Participant("b", other);
  await until("mallory calls herself b", () => other.seen.length > 0);
  server.join(anna, bert);
  await until("the two", () => agree(anna, bert) && exchanged(anna, bert));
  const code = words(anna);
  const hello = other.seen[0];
  expect(hello !== undefined && mallory.peer === "b", "no introduction");
  anna.keys.put("b", 1, hello.blob); // signed, but the second of this peer
  anna.keys.put("x", 1, hello.blob); // signed for another peer
  await new Promise((done) => setTimeout(done, 50));
  server.epoch("join");
  await until("the next epoch", () => exchanged(anna, bert) && anna.own?.epoch === 2);
  expect(words(anna) === code, "the same two people have another code");
  expect(anna.keys.list().length === 1 && !server.seen.some((one) => one.to === "x"), "somebody unsigned is spoken to");
});

check("a guest and whoever made the link know each other, and nobody else does", async () => {
  const secret = Uint8Array.from({ length: 16 }, (_, at) => at + 1);
  const server = new Server();
  const host = new Participant("h", server, { role: "host", secrets: [new Uint8Array(16), secret] });
  const guest = new Participant("g", server, { role: "guest", secrets: [secret] });
  const other = new Participant("o", server);
  const thief = new Participant("t", server, { role: "guest", secrets: [new Uint8Array(16).fill(9)] });
  server.join(host, guest, other, thief);
  const trust = (one: Participant, peer: string) => one.keys.list().find((member) => member.peer === peer)?.trust;
  await until("both ends", () => trust(host, "g") === "linked" && trust(guest, "h") === "linked");
  await until("everybody", () => agree(host, guest, other, thief));
  expect(trust(host, "t") === "new" && trust(host, "o") === "new", "the host vouches for strangers");
  expect(trust(guest, "o") === "new" && trust(other, "g") === "new" && trust(thief, "h") === "new", "others are confirmed too");
  await host.keys.confirm();
  expect(host.keys.list().every((one) => one.trust === "verified"), "comparing the code confirms nobody");
});

check("a device that was registered before is confirmed as far as the server goes, and by a comparison in any case", async () => {
  const server = new Server();
  const [anna, bert, carl] = [new Participant("a", server), new Participant("b", server), new Participant("c", server)];
  server.join(anna, bert, carl);
  await until("three", () => agree(anna, bert, carl));
  const hello = server.seen.map((one) => ({ from: one.from, notice: unpack(one.blob) })).find(({ from, notice }) => from === "b" && notice?.t === "hello")?.notice;
  expect(hello?.t === "hello", "bert has not said who he is");
  const print = await printOf(decode(hello.id));
  const trust = (peer: string) => anna.keys.list().find((member) => member.peer === peer)?.trust;
  const says = (devices: string[]) =>
    anna.keys.people(new Map([["b", { person: "bert", devices }], ["c", { person: "carl", devices: [print] }]]));
  says(["another", print]);
  await until("bert's device is known", () => trust("b") === "registered");
  expect(trust("c") === "new" && !doubtful("registered") && doubtful("new"), "carl is confirmed by bert's key");
  says([]);
  await until("it is not any more", () => trust("b") === "new");
  await anna.keys.confirm();
  expect(trust("b") === "verified" && trust("c") === "verified", "a comparison confirms nobody");
});

check("a guest who comes into a room knows who made the link, too", async () => {
  const secret = Uint8Array.from({ length: 16 }, (_, at) => at + 1);
  for (let n = 0; n < 20; n++) {
    const server = new Server();
    const host = new Participant("h", server, { role: "host", secrets: [secret] });
    const other = new Participant("o", server);
    server.join(host, other);
    await until("the room", () => agree(host, other));
    const guest = new Participant("g", server, { role: "guest", secrets: [secret] });
    server.join(guest);
    const trust = () => guest.keys.list().find((member) => member.peer === "h")?.trust;
    await until("the guest's proof", () => host.keys.list().some((one) => one.peer === "g" && one.trust === "linked"));
    await until("the host's", () => trust() === "linked");
  }
});

check("a key that got lost is asked for and comes again", async () => {
  const server = new Server();
  let lost = true;
  server.twist = (envelope, to) => (lost && to === "b" && envelope.from === "a" && unpack(envelope.blob)?.t === "key" ? null : envelope);
  const [anna, bert] = [new Participant("a", server), new Participant("b", server)];
  server.join(anna, bert);
  await until("a code, without the key", () => agree(anna, bert) && anna.hears(bert));
  expect(!bert.hears(anna), "the key has come");
  lost = false;
  bert.keys.missing("a");
  await until("the key", () => bert.hears(anna));
});

/** A page on a bad line: each new socket is a new peer id, and what was on its way to or from the old one is lost. */
class Page {
  peer = "";
  up = false;
  own: { peer: string; epoch: number; secret: string } | null = null;
  readonly keys: Keys;
  private readonly ring = new Map<string, string>(); // "peer/epoch" → secret

  constructor(
    readonly name: string,
    line: Line,
    pace: () => Promise<void>,
  ) {
    const media = {
      own: async (peer: string, epoch: number, secret: Uint8Array | null) => void (this.own = secret && { peer, epoch, secret: hex(secret) }),
      theirs: async (from: string, epoch: number, secret: Uint8Array) => void this.ring.set(`${from}/${epoch}`, hex(secret)),
      forget: (peer: string) => [...this.ring.keys()].filter((name) => name.startsWith(`${peer}/`)).forEach((name) => this.ring.delete(name)),
    };
    const links = () => pace().then((): Links => ({ role: "none", secrets: [] }));
    this.keys = new Keys("K7M2-PX", Identity.of(null), links, media, (_, data) => void (this.up && line.pass(this, { from: this.peer, ...data } as Envelope)), () => {});
  }

  opens(other: Page): boolean {
    const { own } = other;
    return own !== null && own.peer === other.peer && this.ring.get(`${own.peer}/${own.epoch}`) === own.secret;
  }

  /** What a worker tells about frames of the others. */
  watches(all: Page[]): void {
    for (const other of all) {
      if (other === this || !other.own || !this.up || !other.up) continue;
      if (this.opens(other)) this.keys.opened(other.peer);
      else this.keys.missing(other.peer);
    }
  }
}

/** A server whose numbers begin anew when nobody is there, and lines that take their time and lose things. */
class Line {
  loses = 0;
  epochs = 0;
  private n = 0;
  private peers = 0;
  private readonly inside: Page[] = [];
  private readonly ways = new Map<string, Promise<void>>(); // peer → when what was sent to it last has arrived

  constructor(private readonly chance: () => number) {}

  join(page: Page): void {
    page.peer = `${page.name}${++this.peers}`;
    page.up = true;
    this.inside.push(page);
    const { peer } = page;
    this.deliver(page, () => page.keys.welcome(peer));
    this.turn("join");
  }

  cut(page: Page, unnoticed = false): void {
    page.up = false;
    if (unnoticed) setTimeout(() => this.turn("leave"), 200 * this.chance()); // its media takes a while to stop
    this.inside.splice(this.inside.indexOf(page), 1);
    if (!this.inside.length) this.n = 0;
    else if (!unnoticed) this.turn("leave");
  }

  turn(reason: string): void {
    if (!this.inside.length) return;
    const n = ++this.n;
    this.epochs++;
    const members = this.inside.map((one) => one.peer).sort();
    for (const one of this.inside) this.deliver(one, () => one.keys.epoch(n, members, reason));
  }

  pass(from: Page, { to, epoch, blob }: Envelope): void {
    const { peer } = from;
    for (const one of this.inside) {
      if (one === from || (to !== "" && to !== one.peer) || this.chance() < this.loses) continue;
      this.deliver(one, () => one.keys.put(peer, epoch, blob));
    }
  }

  /** In order, some milliseconds later, and only while the socket it was sent to is up. */
  private deliver(to: Page, work: () => void): void {
    const { peer } = to;
    const takes = pause(25 * this.chance());
    const before = this.ways.get(peer) ?? Promise.resolve();
    this.ways.set(peer, Promise.all([before, takes]).then(() => void (to.up && to.peer === peer && work())));
  }
}

/** Numbers in [0, 1) that are the same for the same seed (xorshift32). */
function chances(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

async function storm(seed: number): Promise<void> {
  const chance = chances(seed);
  const line = new Line(chance);
  const pages = ["a", "b", "c"].map((name) => new Page(name, line, () => pause(20 * chance())));
  const frames = setInterval(() => pages.forEach((one) => one.watches(pages)), 20);
  try {
    pages.forEach((one) => line.join(one));
    for (let round = 0; round < 6; round++) {
      line.loses = seed % 2 ? 0.4 : 0;
      const all = chance() < 0.4;
      const hit = pages.filter(() => all || chance() < 0.5);
      hit.forEach((one) => line.cut(one, chance() < 0.3));
      for (const one of hit) {
        await pause(60 * chance());
        line.join(one);
      }
      await pause(250 * chance());
    }
    line.loses = 0;
    const opening = () => pages.every((one) => pages.every((other) => one === other || one.opens(other)));
    const code = () => pages.map(({ keys }) => keys.code?.join(" ")).every((one, _, codes) => one !== undefined && one === codes[0]);
    const said = () => pages.map(({ peer, own, keys }) => `${peer} seals ${own?.peer}/${own?.epoch}, code ${keys.code?.join(" ")}`).join("; ");
    await until("all frames are opened, and one code", () => opening() && code()).catch((error: unknown) => expect(false, `seed ${seed}: ${String(error)}: ${said()}`));
    expect(pages.every(({ keys }) => !keys.broken), `seed ${seed}: somebody is suspected`);
  } finally {
    clearInterval(frames);
    pages.forEach((one) => one.keys.close());
  }
}

check("cut sockets and lost envelopes never keep people apart", async () => {
  const first = Date.now() % 1_000_000;
  await Promise.all(Array.from({ length: 8 }, (_, at) => storm(first + at)));
});

check("the lists of words are whole and without twins", () => {
  const seen = new Set<string>();
  for (let at = 0; at < 256; at++) for (const word of codeWords(Uint8Array.of(at, at))) seen.add(word);
  expect(seen.size === 512, `${seen.size} words`);
  expect([...seen].every((word) => /^\p{Lu}\p{Ll}{1,17}$/u.test(word)), "a word that is none");
});

check("whose page is closed asks for nothing any more", () => {
  for (const one of everybody) one.close(); // and node ends, which waits for timers
});
