// The people on the page: who has a tile, in which order, and which one is large. Owns the list's DOM and the elements that play sound.

import { hands, type Peer } from "./people";
import { arrives, Tile, type Arrival } from "./tile";

export type Picture = "camera" | "screen";

/** A picture that has a place on the page. */
export interface Shown {
  peer: string;
  source: Picture;
  element: HTMLElement;
  /** the higher the sooner: 2 chosen by the person or an interpreter, 1 large, 0 the rest */
  prio: number;
}

export interface TilesView {
  /** the browser refuses to play sound before the person has touched the page, or plays again */
  silenced(yes: boolean): void;
  /** somebody wants to do something about this tile */
  menu(peer: string, source: Picture, from: HTMLElement): void;
}

export class Tiles {
  private readonly tiles = new Map<string, Tile>();
  private readonly sounds = new Map<string, HTMLAudioElement>();
  private readonly arrivals = new Map<string, Arrival>();
  private peers: Peer[] = [];
  private self = "";
  private pinned = "";
  private loudest: string[] = [];
  private doubted = new Set<string>();
  private chose = false; // the person has pinned something or let it go: nothing is pinned for her any more

  constructor(
    private readonly list: HTMLElement,
    private readonly view: TilesView,
  ) {}

  /** Shows these people, oneself last. */
  people(peers: Peer[], self: string): void {
    this.self = self;
    this.peers = peers;
    const known = new Set(peers.map((one) => one.peer));
    for (const key of [...this.tiles.keys()]) if (!known.has(owner(key))) this.remove(key);
    for (const peer of peers) this.tile(peer.peer);
    this.pinInterpreter();
    this.show();
  }

  /** Marks whom nothing has confirmed to be who they say. */
  doubts(peers: Set<string>): void {
    if ([...peers].join() === [...this.doubted].join()) return;
    this.doubted = peers;
    this.show();
  }

  isDoubted(peer: string): boolean {
    return this.doubted.has(peer);
  }

  /** A picture for a peer, or null when there is none any more. A shared screen gets a tile of its own. */
  picture(peer: string, source: Picture, track: MediaStreamTrack | null): void {
    const key = keyOf(peer, source);
    if (source === "screen" && !track) this.remove(key);
    else this.tile(key).picture(track);
    this.show();
  }

  sound(peer: string, track: MediaStreamTrack | null): void {
    const old = this.sounds.get(peer);
    if (!track) {
      if (old) old.srcObject = null;
      this.sounds.delete(peer);
      return;
    }
    if (old?.srcObject instanceof MediaStream && old.srcObject.getAudioTracks()[0] === track) return;
    const element = old ?? document.createElement("audio");
    element.autoplay = true;
    element.srcObject = new MediaStream([track]);
    this.sounds.set(peer, element);
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.view.silenced(true);
    });
  }

  /** Starts all sound; must be called from a click. */
  async unlock(): Promise<void> {
    await Promise.allSettled([...this.sounds.values()].map((one) => one.play()));
    this.view.silenced(false);
  }

  /** Marks whoever is heard at this moment. */
  speaks(peer: string, yes: boolean): void {
    this.tiles.get(peer)?.root.classList.toggle("speaks", yes);
  }

  /** Who speaks or spoke last, the dominant speaker first. */
  speakers(order: string[]): void {
    this.loudest = order;
    this.show();
  }

  /** The dominant speaker's peer; empty when nobody has spoken. */
  loud(): string {
    return this.loudest[0] ?? "";
  }

  /** Whether pictures are held back because the connection does not carry them. */
  starved(): boolean {
    return [...this.arrivals.values()].some(({ state, why }) => state === "paused" && why === "bandwidth");
  }

  /** How a source of somebody else arrives here, as the server's `layers` says. */
  layer(peer: string, source: Picture, state: Arrival["state"], why: Arrival["why"]): void {
    this.arrival(keyOf(peer, source), { state, why });
  }

  /** A source that plays only once its key is here. */
  keyless(peer: string, source: Picture | "mic", waits: boolean): void {
    this.arrival(source === "mic" ? `${peer}/mic` : keyOf(peer, source), { keyless: waits });
  }

  /** Keeps one tile first and large until it is let go; the same again lets it go. */
  pin(peer: string, source: Picture): void {
    const key = keyOf(peer, source);
    this.chose = true;
    this.pinned = this.pinned === key ? "" : key;
    this.show();
  }

  isPinned(peer: string, source: Picture): boolean {
    return this.pinned === keyOf(peer, source);
  }

  /** What pictures of others have a place on the page now, in the order of the page. */
  shown(): Shown[] {
    const large = this.large();
    return this.order()
      .filter((key) => owner(key) !== this.self)
      .flatMap((key) => {
        const element = this.tiles.get(key)?.root;
        const prio = key === this.pinned || this.interprets(key) ? 2 : key === large ? 1 : 0;
        return element ? [{ peer: owner(key), source: isScreen(key) ? "screen" : "camera", element, prio }] : [];
      });
  }

  clear(): void {
    for (const key of [...this.tiles.keys()]) this.remove(key);
    for (const peer of [...this.sounds.keys()]) this.sound(peer, null);
    this.peers = [];
  }

  private arrival(key: string, news: Partial<Arrival>): void {
    this.arrivals.set(key, { ...(this.arrivals.get(key) ?? arrives), ...news });
    this.show();
  }

  private show(): void {
    const turns = hands(this.peers).map((one) => one.peer);
    const names = new Map(this.peers.map((one) => [one.peer, one.peer === this.self ? "Sie" : one.short || one.name]));
    for (const peer of this.peers) {
      const key = peer.peer;
      this.tiles.get(key)?.person({
        peer,
        me: key === this.self,
        turn: turns.indexOf(key) + 1,
        pinned: key === this.pinned,
        doubted: this.doubted.has(key),
        camera: this.arrivals.get(key) ?? arrives,
        mic: this.arrivals.get(`${key}/mic`) ?? arrives,
        misses: peer.missing.flatMap((other) => names.get(other) ?? []),
      });
      const screen = keyOf(key, "screen");
      this.tiles.get(screen)?.screen(peer.name, screen === this.pinned, this.arrivals.get(screen) ?? arrives);
    }
    this.place();
  }

  private tile(key: string): Tile {
    const known = this.tiles.get(key);
    if (known) return known;
    const tile = new Tile((from) => this.view.menu(owner(key), isScreen(key) ? "screen" : "camera", from));
    this.tiles.set(key, tile);
    this.list.append(tile.root);
    return tile;
  }

  private remove(key: string): void {
    const tile = this.tiles.get(key);
    if (!tile) return;
    tile.picture(null);
    tile.root.remove();
    this.tiles.delete(key);
    this.arrivals.delete(key);
    if (this.pinned === key) this.pinned = "";
    if (isScreen(key)) return;
    this.arrivals.delete(`${key}/mic`);
    this.sound(key, null);
  }

  /** What the person chose, screens, interpreters, everybody else as they came, and oneself. */
  private order(): string[] {
    const rank = (key: string) => (key === this.pinned ? 0 : isScreen(key) ? 1 : this.interprets(key) ? 2 : key === this.self ? 4 : 3);
    const keys = this.peers.flatMap(({ peer }) => [keyOf(peer, "screen"), peer]).filter((key) => this.tiles.has(key));
    return keys.sort((a, b) => rank(a) - rank(b));
  }

  /** The one that has the most room: chosen, a screen, or whoever speaks. */
  private large(): string {
    const order = this.order();
    if (this.tiles.has(this.pinned)) return this.pinned;
    const speaks = this.loudest.find((peer) => peer !== this.self && this.tiles.has(peer));
    return order.find(isScreen) ?? speaks ?? order[0] ?? "";
  }

  /** Whom somebody interprets for needs to see her hands and mouth, unless she has chosen something else. */
  private pinInterpreter(): void {
    const kind = this.peers.find((one) => one.peer === this.self)?.kind;
    if (this.chose || this.pinned || (kind !== "client" && kind !== "trusted")) return;
    this.pinned = this.peers.find((one) => one.kind === "interpreter")?.peer ?? "";
  }

  private interprets(key: string): boolean {
    return this.peers.some((one) => one.peer === key && one.kind === "interpreter");
  }

  /** Moves tiles only where their order changed: a moved video stutters. Whoever is large is so by style alone, for the same reason. */
  private place(): void {
    const large = this.large();
    this.order().forEach((key, at) => {
      const root = this.tiles.get(key)?.root;
      if (!root) return;
      root.classList.toggle("big", key === large);
      if (this.list.children[at] !== root) this.list.insertBefore(root, this.list.children[at] ?? null);
    });
  }
}

function keyOf(peer: string, source: Picture): string {
  return source === "screen" ? `${peer}/screen` : peer;
}

function isScreen(key: string): boolean {
  return key.endsWith("/screen");
}

function owner(key: string): string {
  return key.replace(/\/screen$/, "");
}
