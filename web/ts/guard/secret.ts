// Who the client of a case is, as the name guard of a page asks for it.

/** A word as it is compared: see fold and loosen. */
export interface Typed {
  fold: string;
  loose: string;
}

/** Answers what of a text would be the client's, and tells nothing else. */
export interface Secret {
  /** of the longest street or town */
  readonly words: number;
  /** and letters of the longest number */
  readonly digits: number;

  /** Gets ready for questions. */
  learn(said: readonly string[]): Promise<void>;
  /** What something is that stands in a text, said as nameguard.Marks says it; with a "?" behind it where it is not sure. */
  says(said: string): string | undefined;
  /** What each of these words nearly is, by its loose form: a typing error or two away, or by the ear. */
  near(words: readonly Typed[]): Promise<Map<string, string>>;
}
