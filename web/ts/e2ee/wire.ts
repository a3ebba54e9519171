// What page and worker say to each other.

import type { Bytes, Origin } from "./frame";

/** What a transform is for, given to it when it is made. A lane is one sender. */
export type Role = { op: "send"; lane: number; source: string } | { op: "receive"; connection: number; mid: string };

export type ToWorker =
  /** seal with this from now on; null: with nothing, so send nothing */
  | { op: "own"; peer: string; epoch: number; secret: CryptoKey | null }
  | { op: "theirs"; peer: string; epoch: number; secret: CryptoKey }
  | { op: "forget"; peer: string }
  /** what each mid of a receiving connection carries; none: the connection is gone */
  | { op: "carried"; connection: number; tracks: [string, Origin][] }
  | { op: "counts"; re: number }
  /** examine the next frame of this source, or with "" a sentence */
  | { op: "sample"; re: number; source: string };

export type FromWorker =
  | { op: "ready"; lane: number }
  | ({ op: "waits" | "open"; keyId: number } & Origin)
  /** by "peer/source"; and how many frames each lane out has seen, sealed or not */
  | { op: "counts"; re: number; counts: Record<string, Counts>; lanes: Record<number, number> }
  | { op: "sample"; re: number; sample: Sample | null };

/** Frames of one source of one participant. */
export interface Counts {
  /** sealed or opened */
  done: number;
  /** dropped because there was no key */
  withheld: number;
  /** did not open: wrong key, or changed on the way */
  failed: number;
  /** came without seal, and were dropped */
  plain: number;
}

/** A sealed frame beside what it was, for people who want to see it. */
export interface Sample {
  source: string;
  plain: Bytes; // the beginning
  sealed: Bytes; // the beginning
  clear: number; // bytes of it that stay readable
  size: number; // before
  added: number;
  withKey: boolean; // opens with the key
  withoutKey: boolean; // opens with another one
}
