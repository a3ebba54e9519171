// Builds web/dist from ts/ and css/: hashed names, compressed twins, and a manifest that says from which sources it came.
//
// The new folder is made aside and moved into place at the end, so nobody ever sees half a build. The Go side (assets.go)
// computes the same source hash and starts this script only when it differs.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { build } from "esbuild";

const home = dirname(fileURLToPath(import.meta.url));
const aside = join(home, "node_modules", `.dist-${process.pid}`);
const compress = promisify(gzip);

/** The files that decide what a build contains, as sorted slash paths relative to web/. */
async function sources() {
  const found = ["build.mjs", "package-lock.json"];
  for (const folder of ["css", "ts"]) {
    for (const entry of await readdir(join(home, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      found.push(path.slice(home.length + 1).replaceAll("\\", "/"));
    }
  }
  return found.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** SHA-256 over "name NUL length NUL content" of every source; assets_checkout.go has the twin of this function. */
async function sourceHash() {
  const hash = createHash("sha256");
  for (const name of await sources()) {
    const content = await readFile(join(home, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/** Copies a file into the build under a name with its hash; returns that name. */
async function copyHashed(path) {
  return writeHashed(basename(path), await readFile(join(home, path)));
}

async function writeHashed(name, content) {
  const dot = name.lastIndexOf(".");
  const hashed = `${name.slice(0, dot)}-${createHash("sha256").update(content).digest("hex").slice(0, 8)}${name.slice(dot)}`;
  await writeFile(join(aside, hashed), content);
  return hashed;
}

/** The licences of everything that was bundled (MIT and OFL ask that they travel along), in one file; returns its name. */
async function writeLicences(inputs) {
  const packages = new Set(inputs.flatMap((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1] ?? []));
  const texts = [];
  for (const name of [...packages].sort()) {
    const folder = join(home, "node_modules", name);
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
    if (!file) throw new Error(`${name} is bundled but brings no licence`);
    texts.push(`${name} ${version}\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`);
  }
  return writeHashed("licences.txt", texts.join(`\n${"-".repeat(72)}\n\n`));
}

const source = await sourceHash();
await mkdir(aside, { recursive: true });

try {
  const common = {
    absWorkingDir: home,
    outdir: aside,
    bundle: true,
    format: "esm",
    minify: true,
    sourcemap: true,
    metafile: true,
    target: ["es2022", "chrome123", "firefox120", "safari17.5"],
    entryNames: "[name]-[hash]",
    chunkNames: "part-[hash]",
    assetNames: "[name]-[hash]",
    loader: { ".woff2": "file" },
    legalComments: "linked",
    charset: "utf8",
    logLevel: "warning",
  };
  // The worker comes first: the page is built with its name, so that a page can only ever start the worker it was made with.
  const worker = await build({ ...common, entryPoints: ["ts/e2ee/worker.ts"] });
  const workerFile = basename(Object.keys(worker.metafile.outputs).find((path) => path.endsWith(".js")));
  const { metafile } = await build({
    ...common,
    entryPoints: ["ts/live.ts", "ts/guest.ts", "ts/page.ts", "css/konsil.css"],
    splitting: true,
    define: { workerFile: JSON.stringify(workerFile) },
  });

  const files = { "worker.js": workerFile };
  for (const [path, output] of Object.entries(metafile.outputs)) {
    if (!output.entryPoint) continue;
    files[basename(output.entryPoint).replace(/\.ts$/, ".js")] = basename(path);
  }
  files["icon.svg"] = await copyHashed("css/icon.svg");
  files["licences.txt"] = await writeLicences(Object.keys(metafile.inputs));
  for (const name of await readdir(aside)) {
    if (!/\.(js|css|map|txt|svg)$/.test(name)) continue;
    const content = await readFile(join(aside, name));
    await writeFile(join(aside, `${name}.gz`), await compress(content, { level: constants.Z_BEST_COMPRESSION }));
  }
  await writeFile(join(aside, "manifest.json"), JSON.stringify({ source, files }, null, 2) + "\n");

  await rm(join(home, "dist"), { recursive: true, force: true });
  await rename(aside, join(home, "dist"));
} finally {
  await rm(aside, { recursive: true, force: true });
}
