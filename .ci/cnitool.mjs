// cnitool, which calls CNI plugins by libcni as container engines do. Debian has its source, and no package of it.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { downloadPackage, downloadSource, unpack } from "./debian.mjs";

const path = "github.com/containernetworking/cni";

/** Builds it into `usr/bin` of a folder, with Debian's Go, of which nothing stays. @param work an empty folder for this */
export function buildCnitool(work, folder) {
  if (!downloadPackage("golang-go", work)) return;
  // It is called golang-1.19-go, or whatever this suite has.
  const depends = output("dpkg-deb", "--field", join(work, fileOf(work, "golang-go_")), "Depends");
  const version = /golang-([\d.]+)-go/.exec(depends)?.[1];
  if (!["go", "src"].every((part) => downloadPackage(`golang-${version}-${part}`, work))) return;
  unpack(work, join(work, "root"));
  const source = join(work, "go/src", path);
  mkdirSync(source, { recursive: true });
  const archives = join(work, "source");
  mkdirSync(archives);
  if (!downloadSource("golang-github-appc-cni", archives)) return;
  const archive = join(archives, fileOf(archives, ".orig.tar"));
  output("tar", "--extract", "--strip-components=1", `--file=${archive}`, `--directory=${source}`);
  const goroot = join(work, `root/usr/lib/go-${version}`);
  const target = join(folder, "usr/bin/cnitool");
  spawnSync(join(goroot, "bin/go"), ["build", "-ldflags=-s -w", "-o", target, `${path}/cnitool`], {
    // No module is looked for: what it takes is in the source.
    env: {
      ...process.env,
      GOROOT: goroot,
      GOPATH: join(work, "go"),
      GOCACHE: join(work, "cache"),
      GO111MODULE: "off",
      CGO_ENABLED: "0",
    },
    stdio: "ignore",
  });
}

function fileOf(folder, part) {
  return readdirSync(folder).find((file) => file.includes(part)) ?? "";
}

function output(program, ...words) {
  return spawnSync(program, words, { encoding: "utf8" }).stdout ?? "";
}
