// Packages of Debian's archive, fetched without being installed. Runs on any Node >= 18 with nothing installed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A package's file into a folder. Takes no root; the machine's package lists are used as they are, or fetched for this once. */
export function downloadPackage(name, folder) {
  return apt(folder, [], "download", name) || fetchFrom(folder, [], "download", name);
}

/** From another suite of the archive that this machine has its packages from. */
export function downloadFrom(suite, name, folder) {
  return fetchFrom(folder, otherSources(folder, "deb", suite), "download", name);
}

/** The files of a source package, of the machine's own suite. */
export function downloadSource(name, folder) {
  return fetchFrom(folder, otherSources(folder, "deb-src", ownSuite()), "source", "--download-only", name);
}

/** What the packages in a folder hold, into another one. */
export function unpack(folder, target) {
  for (const file of readdirSync(folder).filter((entry) => entry.endsWith(".deb"))) {
    spawnSync("dpkg-deb", ["--extract", join(folder, file), target], { stdio: "ignore" });
  }
}

function fetchFrom(folder, options, ...words) {
  const lists = join(folder, "lists");
  mkdirSync(join(lists, "partial"), { recursive: true });
  mkdirSync(join(folder, "cache/archives/partial"), { recursive: true });
  const all = [...options, `-oDir::State::lists=${lists}`, `-oDir::Cache=${join(folder, "cache")}`];
  if (process.getuid() === 0) all.push("-oAPT::Sandbox::User=root");
  return apt(folder, all, "update") && apt(folder, all, ...words);
}

function apt(folder, options, ...words) {
  return spawnSync("apt-get", [...options, ...words], { cwd: folder, stdio: "ignore" }).status === 0;
}

/** Has apt take the machine's own sources as those of a suite. @param type `deb`, or `deb-src` */
function otherSources(folder, type, suite) {
  const sources = join(folder, "sources");
  mkdirSync(sources);
  const etc = "/etc/apt";
  const parts = existsSync(`${etc}/sources.list.d`) ? readdirSync(`${etc}/sources.list.d`) : [];
  for (const file of ["sources.list", ...parts.map((part) => `sources.list.d/${part}`)]) {
    if (!/\.(list|sources)$/.test(file) || !existsSync(join(etc, file))) continue;
    const text = asSources(readFileSync(join(etc, file), "utf8"), type, suite);
    if (text !== "") writeFileSync(join(sources, file.split("/").at(-1)), text);
  }
  return ["-oDir::Etc::sourcelist=/dev/null", `-oDir::Etc::sourceparts=${sources}`];
}

/** Of apt's sources those of the machine's own suite, for another type and suite; in both formats (sources.list(5)). */
function asSources(text, type, suite) {
  const own = ownSuite();
  // An iterator has no map in the Node that runs this.
  const found = [...text.matchAll(new RegExp(`^deb ((?:\\[.*?\\] )?\\S+) ${own} .*$`, "gm"))];
  const lines = found.map(([, start]) => `${type} ${start} ${suite} main\n`);
  const stanzas = text
    .split(/\n\s*\n/)
    .filter((stanza) => new RegExp(`^Suites:(.*\\s)?${own}(\\s|$)`, "m").test(stanza))
    .map((stanza) =>
      stanza
        .replace(/^Types:.*$/m, `Types: ${type}`)
        .replace(/^Suites:.*$/m, `Suites: ${suite}`)
        .replace(/^Components:.*$/m, "Components: main"),
    );
  return [...lines, ...stanzas].join("\n\n");
}

function ownSuite() {
  return /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
}
