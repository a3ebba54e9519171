// Lines of captions between two pages, without a room around them.

import { lineLength, Lines } from "../../ts/e2ee/lines";
import { decode, encode, random } from "../../ts/e2ee/notice";
import { check, expect, until } from "./check";

/** A writer and a reader who have the same secret of an epoch. */
async function pair(secret = random(32)) {
  const heard: string[] = [];
  const reader = new Lines((peer, text) => heard.push(`${peer}: ${text}`));
  const writer = new Lines(() => {});
  await writer.own("w", 3, secret);
  await reader.learn("w", 3, secret);
  const send = async (text: string) => {
    const line = await writer.seal(text);
    expect(line !== null, "nothing was sealed");
    reader.receive("w", line.epoch, line.blob);
    return line;
  };
  return { heard, reader, writer, send, secret };
}

const settle = () => new Promise((done) => setTimeout(done, 50));

check("a line is read by whoever has the key, and by nobody else", async () => {
  const { heard, reader, send } = await pair();
  const line = await send("Grüße, „müde“ 🙂");
  await until("the line", () => heard.length === 1);
  expect(heard[0] === "w: Grüße, „müde“ 🙂", `heard ${heard[0]}`);
  const stranger: string[] = [];
  const other = new Lines((_, text) => stranger.push(text));
  await other.learn("w", 3, random(32));
  other.receive("w", 3, line.blob);
  reader.receive("x", 3, line.blob); // in the name of somebody else
  await reader.learn("x", 3, random(32));
  await settle();
  expect(stranger.length === 0 && heard.length === 1, "it opened all the same");
});

check("a line that comes twice, late or changed is dropped", async () => {
  const { heard, reader, send } = await pair();
  const first = await send("eins");
  const second = await send("zwei");
  await until("two", () => heard.length === 2);
  for (const { epoch, blob } of [first, second]) reader.receive("w", epoch, blob);
  const bent = decode(second.blob);
  bent[7] = 9; // a counter that is still to come
  reader.receive("w", 3, encode(bent));
  reader.receive("w", 3, "AAAA");
  reader.receive("w", 3, "!");
  reader.receive("w", 4, second.blob);
  await send("drei");
  await until("the next", () => heard.length === 3);
  expect(heard.join() === "w: eins,w: zwei,w: drei", `heard ${heard.join()}`);
});

check("a line that is faster than its key waits for it", async () => {
  const { writer, secret } = await pair();
  const heard: string[] = [];
  const reader = new Lines((_, text) => heard.push(text));
  for (const text of ["eins", "zwei"]) {
    const line = await writer.seal(text);
    if (line) reader.receive("w", line.epoch, line.blob);
  }
  await settle();
  expect(heard.length === 0, "it opened without a key");
  await reader.learn("w", 3, secret);
  await until("both", () => heard.join() === "eins,zwei");
});

check("of whoever has left nothing is opened any more, and without a key nothing is sealed", async () => {
  const { heard, reader, writer } = await pair();
  const line = await writer.seal("noch da?");
  reader.forget("w");
  if (line) reader.receive("w", line.epoch, line.blob);
  await settle();
  expect(heard.length === 0, "a line of somebody who has left");
  await writer.own("w", 0, null);
  expect((await writer.seal("zu früh")) === null, "a line without a key");
});

check("lines of a few words have the same length, and the longest fits into a frame", async () => {
  const { writer } = await pair();
  const lengths = new Set<number>();
  for (const text of ["ja", "nein", "das weiß ich nicht mehr so genau"]) lengths.add((await writer.seal(text))?.blob.length ?? 0);
  expect(lengths.size === 1, `lengths ${[...lengths].join()}`);
  const longest = await writer.seal("€".repeat(2 * lineLength));
  expect((longest?.blob.length ?? Infinity) <= 2048, `${longest?.blob.length} bytes`);
});

// a fixed line, for another implementation to open
{
  const writer = new Lines(() => {});
  await writer.own("00112233aabbccdd", 258, Uint8Array.from({ length: 32 }, (_, n) => n));
  console.log(JSON.stringify({ vector: (await writer.seal("Guten Tag 🙂"))?.blob }));
}
