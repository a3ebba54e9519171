// What the tests of this folder share: each prints a line per check, and web/e2ee_test.go reads them.

const running: Promise<void>[] = [];

/** Runs a check; one that throws has failed. */
export function check(name: string, work: () => Promise<void> | void): void {
  const before = running.at(-1) ?? Promise.resolve();
  running.push(
    before.then(async () => {
      try {
        await work();
        say(name, "");
      } catch (error) {
        say(name, error instanceof Error ? `${error.message}` : String(error));
      }
    }),
  );
}

function say(name: string, fault: string): void {
  console.log(JSON.stringify({ name, fault }));
}

export function expect(yes: boolean, otherwise: string): asserts yes {
  if (!yes) throw new Error(otherwise);
}

export async function rejects(work: Promise<unknown>, otherwise: string): Promise<void> {
  const opened = await work.then(
    () => true,
    () => false,
  );
  expect(!opened, otherwise);
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Waits until something holds. */
export async function until(what: string, is: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !is(); await new Promise((done) => setTimeout(done, 5))) expect(Date.now() < end, `never: ${what}`);
}
