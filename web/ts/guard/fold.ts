// Words as the name guard compares them; conference/nameguard does the same on the server, and what this makes must be equal to that.

const spelled: Readonly<Record<string, string>> = {
  ä: "ae", æ: "ae", ö: "oe", ø: "oe", œ: "oe", ü: "ue", ß: "ss", "\u0308": "e", đ: "d", ð: "d", ħ: "h", ł: "l", ŧ: "t", ı: "i",
};

/** Lower case, umlauts written out, accents dropped. */
export function fold(word: string): string {
  let folded = "";
  for (const letter of word.toLowerCase()) folded += spelled[letter] ?? (letter < "\x80" ? letter : plain(letter));
  return folded;
}

function plain(letter: string): string {
  if (/\p{Mn}/u.test(letter)) return "";
  const base = letter.normalize("NFD").charAt(0);
  return /[a-z]/.test(base) ? base : letter;
}

/** Drops the e of umlauts that were written out, so that Müller, Mueller and Muller are one. */
export function loosen(folded: string): string {
  return folded.replace(/([aou])e/g, "$1");
}

const sounds: readonly [RegExp, string][] = [
  [/[aeijouy]/, "0"],
  [/b/, "1"],
  [/[fvw]/, "3"],
  [/[gkq]/, "4"],
  [/l/, "5"],
  [/[mn]/, "6"],
  [/r/, "7"],
  [/[sz]/, "8"],
];

/** Kölner Phonetik of a folded word (Postel 1969). */
export function sound(folded: string): string {
  const word = loosen(folded);
  let code = "";
  for (let i = 0; i < word.length; i++) {
    for (const digit of soundOf(word.charAt(i), word.charAt(i - 1), word.charAt(i + 1))) if (!code.endsWith(digit)) code += digit;
  }
  return code.charAt(0) + code.slice(1).replaceAll("0", "");
}

function soundOf(letter: string, before: string, after: string): string {
  const among = (set: string, one: string) => one !== "" && set.includes(one);
  switch (letter) {
    case "p":
      return after === "h" ? "3" : "1";
    case "d":
    case "t":
      return among("csz", after) ? "8" : "2";
    case "c":
      return (among("ahkoqux", after) || (before === "" && among("lr", after))) && !among("sz", before) ? "4" : "8";
    case "x":
      return among("ckq", before) ? "8" : "48";
  }
  return sounds.find(([letters]) => letters.test(letter))?.[1] ?? "";
}
