// Brings a clone to the state in which everything else can run: Node, pnpm, system packages, servers for tests, the
// workspace, the CLI.
// Runs on any Node >= 18 with nothing installed, and finds out cheaply what is there already.
// usage: node .ci/setup.mjs [--then test|demo|bench|soak|vm|test-vm [ARGS...]]
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildCnitool } from "./cnitool.mjs";
import { downloadFrom, downloadPackage, downloadWhole, unpack, versionsIn } from "./debian.mjs";
import { follow } from "./follow.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nodeVersion = "24.21.0";
const pnpmVersion = readJson("package.json").packageManager.replace("pnpm@", "");
const tools = join(root, ".tools");
const pnpmPackage = `@pnpm/exe.linux-${process.arch}`;
const pnpmBin = join(tools, "node_modules", pnpmPackage);

/** What runs then, and what reads its words beforehand. */
const followUps = {
  test: { script: ".ci/test.mjs", options: ".ci/test-options.mjs" },
  demo: { script: "examples/demo/demo.ts" },
  bench: { script: "bench/bench.ts", options: "bench/options.ts" },
  soak: { script: ".ci/soak.mjs", options: "packages/testing/test/soak/options.ts" },
  vm: { script: "vm/main.ts" },
  "test-vm": { script: ".ci/vm.ts", options: ".ci/vm-options.ts" },
};
/** Those that have the virtual machines of vm/README.md. */
const withMachines = ["vm", "test-vm"];

/** What netkit and its tests call, by Debian package. */
const programs = {
  iproute2: ["ip"],
  nftables: ["nft"],
  iptables: ["iptables", "iptables-restore", "ip6tables-restore"],
  conntrack: ["conntrack"],
  "iputils-ping": ["ping"],
  mount: ["mount"],
  "util-linux": ["unshare", "nsenter"],
  e2fsprogs: ["chattr"],
  procps: ["sysctl", "ps"],
  openssl: ["openssl"],
  strace: ["strace"],
  tcpdump: ["tcpdump"],
  // Installed, not enabled: tests run it on hosts of their own.
  ufw: ["ufw"],
};
/** What virtual machines and their box take, by Debian package. */
const machinePackages = [
  "dnsmasq-base",
  "extlinux",
  "fdisk",
  "libvirt-clients",
  "libvirt-daemon-driver-qemu",
  "libvirt-daemon-system",
  "mmdebstrap",
  "openssh-client",
  "qemu-system-x86",
  "qemu-utils",
  "rsync",
  "vagrant",
  "vagrant-libvirt",
];
const libraries = { libnftables1: "libnftables.so.1" };
const triplet = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[process.arch] ?? "";
const libraryFolders = ["usr/lib", "lib", "usr/lib64", "lib64"].flatMap((folder) => [folder, join(folder, triplet)]);
const libraryPath = libraryFolders.map((folder) => `/${folder}`);
const systemPath = [...process.env.PATH.split(delimiter), "/usr/sbin", "/sbin"];

const started = Date.now();
const color = process.stderr.isTTY && !process.env.NO_COLOR;
let done = 0;

const [option, target, ...args] = process.argv.slice(2);
if (option !== undefined && (option !== "--then" || !(target in followUps))) {
  fail(
    `unknown argument ${option} ${target ?? ""}\nusage: node .ci/setup.mjs [--then ${Object.keys(followUps).join("|")}]`,
  );
}
if (process.platform !== "linux")
  fail(`netkit needs Linux: network namespaces are a feature of its kernel. This is ${process.platform}.`);

if (target === "demo" && args.length > 0) fail("the demo takes no arguments: npm run demo");
if (["demo", "bench", "soak"].includes(target) && process.getuid() !== 0)
  fail(`the ${target} needs root: it makes network namespaces and programs their firewall. sudo npm run ${target}`);
if (withMachines.includes(target) && process.arch !== "x64")
  fail(`the virtual machines are x86-64 ones, which this machine (${process.arch}) isn't.`);
if (!isWritable(root))
  fail(
    `${root} can't be written by this user, and setup installs into it. Clone into a folder of your own, or use sudo.`,
  );

const nodeBin = await node();
process.env.PATH = [nodeBin, pnpmBin, join(root, "node_modules/.bin"), ...systemPath].join(delimiter);
await workspace();
readOptions();
await systemPackages();
if (target === undefined || target === "test" || withMachines.includes(target)) await servers();
if (target === "bench") await peers();
await cli();
if (done === 0 || option === undefined) say(`setup: everything is in place (${seconds(started)})`);
if (option) follow(join(nodeBin, "node"), [followUps[target].script, ...args], { cwd: root });

/** Ends here where what follows says what it understands, or doesn't understand what it is asked for. */
function readOptions() {
  const { options } = followUps[target] ?? {};
  if (options === undefined) return;
  const { status } = spawnSync(join(nodeBin, "node"), [options, ...args], { cwd: root, stdio: "inherit" });
  if (status !== 0 || args.includes("--help") || args.includes("-h")) process.exit(status);
}

/** Node >= 24.11 and pnpm: the running Node where it is new enough, the rest from npm into .tools. Returns Node's folder. */
async function node() {
  const own = /^v(24\.(1[1-9]|[2-9]\d)|2[6-9]|[3-9]\d)\./.test(process.version);
  // The packages that carry the binaries themselves: they need no install script, which npm may refuse to run.
  const wanted = { [pnpmPackage]: pnpmVersion };
  // In the machines it has to run on what a plain Debian has, as the one from npm does.
  if (!own || withMachines.includes(target)) wanted[`node-linux-${process.arch}`] = nodeVersion;
  const bin = join(tools, "node_modules/.bin");
  const installed = (name) => readJson(`.tools/node_modules/${name}/package.json`)?.version === wanted[name];
  if (!Object.keys(wanted).every(installed) || !(own || existsSync(join(bin, "node")))) {
    await step(`Node ${nodeVersion} and pnpm ${pnpmVersion} into .tools`, async () => {
      mkdirSync(tools, { recursive: true });
      writeFileSync(join(tools, "package.json"), JSON.stringify({ private: true, dependencies: wanted }));
      const npm = ["install", "--prefix", tools, "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
      await run("npm", npm, offline);
    });
  }
  return own ? dirname(process.execPath) : bin;
}

/** Programs and libraries of the system, from apt where that is possible. */
async function systemPackages() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const apt = isIn(systemPath, "apt-get");
  if (!apt || process.getuid() !== 0) {
    fail(
      `these system packages are missing: ${missing.join(" ")}\n` +
        (apt
          ? `Install them with: sudo apt-get install ${missing.join(" ")}`
          : "Those are Debian's names; install what your distribution calls them") +
        ", then run this again.",
    );
  }
  await step(`system packages: ${missing.join(" ")}`, async () => {
    process.env.DEBIAN_FRONTEND = "noninteractive";
    const install = ["install", "--yes", "--no-install-recommends", ...missing];
    // A machine that has been used knows its package lists; a fresh one has to fetch them.
    if (spawnSync("apt-get", install, { stdio: "ignore" }).status !== 0) {
      await run("apt-get", ["update"], offline);
      await run("apt-get", install, offline);
    }
    const still = missingPackages();
    if (still.length > 0) fail(`apt-get installed ${still.join(" ")}, yet what they hold is not to be found`);
  });
}

/**
 * Servers that tests run, and other people's CNI plugins, by Debian package; `suite`: the last that has it, where newer ones don't; `newer`: the first where it is a program that stands alone. They are unpacked rather than installed: as
 * packages they would be services of this machine. Where they can't be had, their tests are skipped.
 */
async function servers() {
  const folder = join(tools, "servers");
  const all = [
    { program: "etcd", name: "etcd-server" },
    { program: "etcdctl", name: "etcd-client" },
    { program: "consul", name: "consul", suite: "bullseye" },
    { program: "dockerd", name: "docker.io" },
    { program: "libdevmapper.so.1.02.1", name: "libdevmapper1.02.1" },
    // A package of its own where that of dockerd hasn't it.
    { program: "docker", name: "docker-cli" },
    // What bookworm has is version 1, in Python.
    { program: "docker-compose", name: "docker-compose", newer: "trixie", own: true },
    { program: "containerd", name: "containerd" },
    { program: "runc", name: "runc" },
    // What images are made of; the machine's own may need libraries.
    { program: "busybox", name: "busybox-static", own: true },
    { program: "portmap", name: "containernetworking-plugins" },
    { program: "podman", name: "podman" },
    { program: "conmon", name: "conmon" },
    // What those two need, where a machine hasn't it.
    { program: "libassuan.so.0", name: "libassuan0" },
    { program: "libglib-2.0.so.0", name: "libglib2.0-0" },
    { program: "libgpgme.so.11", name: "libgpgme11" },
    { program: "libsubid.so.4", name: "libsubid4" },
    // No package has it.
    { program: "cnitool", name: "golang-go and golang-github-appc-cni", build: buildCnitool },
  ];
  const unpacked = ["usr/lib/cni", "usr/bin", "usr/sbin", "bin", ...libraryFolders].map((part) => join(folder, part));
  const isThere = ({ program, own }) =>
    isIn(own ? unpacked : [...unpacked, ...systemPath, ...libraryPath, "/usr/lib/cni"], program);
  const missing = all.filter((one) => !isThere(one));
  if (missing.length === 0 || !["apt-get", "dpkg-deb"].every((program) => isIn(systemPath, program))) return;
  // Whoever is offline, or has another distribution, needn't wait for it every time.
  const stamp = join(folder, "tried-today");
  if (existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs < 86_400_000) return;
  await step(`servers for tests: ${missing.map(({ program }) => program).join(" ")}`, () => {
    mkdirSync(folder, { recursive: true });
    for (const one of missing) {
      if (isThere(one)) continue;
      const { name, suite, newer, build } = one;
      const work = mkdtempSync(join(tmpdir(), "netkit-setup-"));
      if (build !== undefined) build(work, folder);
      else if (
        newer === undefined
          ? downloadPackage(name, work) || (suite !== undefined && downloadFrom(suite, name, work))
          : downloadFrom(newer, name, work)
      ) {
        unpack(work, folder);
      }
      rmSync(work, { recursive: true });
    }
  });
  const still = missing.filter((one) => !isThere(one));
  if (still.length === 0) return;
  writeFileSync(stamp, "");
  say(
    `setup: ${still.map(({ name }) => name).join(" and ")} can't be had from apt-get; tests that need it are skipped`,
  );
}

/**
 * The newest of what the bench compares netkit with, with the libraries of its own suite: the bench lays it over /usr, on hosts of
 * its own. Where it can't be had, what the machine has is compared, if anything.
 */
async function peers() {
  const folder = join(tools, "peers");
  const [versions, stamp] = [join(folder, "versions"), join(folder, "tried-today")];
  const suite = "sid";
  const engines = [
    "docker.io",
    "docker-cli",
    "containerd",
    "runc",
    "busybox-static",
    "podman",
    "netavark",
    "aardvark-dns",
  ];
  const names = [...engines, "containernetworking-plugins", "iptables", "nftables"];
  const listed = existsSync(versions) ? readFileSync(versions, "utf8").split("\n") : [];
  const isThere = (name) => listed.some((line) => line.startsWith(`${name} `));
  if (names.every(isThere) || !["apt-get", "dpkg-deb"].every((program) => isIn(systemPath, program))) return;
  if (existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs < 86_400_000) return;
  await step(`peers for the bench, from Debian's ${suite}`, () => {
    mkdirSync(folder, { recursive: true });
    const work = mkdtempSync(join(tmpdir(), "netkit-setup-"));
    const packages = downloadWhole(suite, names, work);
    if (packages !== undefined) {
      unpack(packages, folder);
      writeFileSync(versions, versionsIn(packages));
    }
    rmSync(work, { recursive: true });
  });
  if (existsSync(versions)) return;
  writeFileSync(stamp, "");
  say("setup: the newest peers can't be had from apt-get; the bench compares with what this machine has");
}

function missingPackages() {
  return [
    ...Object.keys(programs).filter((name) => !programs[name].every((program) => isIn(systemPath, program))),
    ...Object.keys(libraries).filter((name) => !isIn(libraryPath, libraries[name])),
    ...(withMachines.includes(target) ? machinePackages.filter((name) => !isInstalled(name)) : []),
  ];
}

/** Elsewhere than on Debian what is missing is told when it is called. */
function isInstalled(name) {
  const { error, stdout } = spawnSync("dpkg-query", ["--show", "--showformat=${db:Status-Status}", name], {
    encoding: "utf8",
  });
  return error !== undefined || stdout === "installed";
}

function isIn(folders, file) {
  return folders.some((folder) => existsSync(join(folder, file)));
}

/** The npm dependencies, when a manifest or the lock file has changed since. */
async function workspace() {
  const manifests = ["packages", "examples", "bench", "vm"].flatMap((folder) => files(folder, /^package\.json$/));
  await once(
    "dependencies",
    ["package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml", ...manifests],
    "node_modules/.pnpm",
    async () => {
      await run(join(pnpmBin, "pnpm"), ["install", "--frozen-lockfile"], offline, { CI: "true" });
    },
  );
  // A dependency of the workspace on the CLI would do the same, and make every package depend on all others in turbo's eyes.
  const link = join(root, "node_modules/.bin/netkit");
  rmSync(link, { force: true });
  symlinkSync("../../packages/cli/bin/netkit", link);
}

/** The bundle that `npx netkit` runs, when a source has changed since. */
async function cli() {
  const sources = files("packages", /(?<!\.test)\.ts$/);
  await once(
    "the netkit command",
    ["packages/cli/build.mjs", "pnpm-lock.yaml", ...sources],
    "packages/cli/dist/netkit.js",
    () => run(join(nodeBin, "node"), ["packages/cli/build.mjs"]),
  );
}

/** Runs the step unless it ran before on the same inputs and what it makes is still there. */
async function once(name, inputs, output, work) {
  const stamps = "node_modules/.netkit-setup.json";
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(`${input}\0`).update(readFileSync(join(root, input)));
  const stamp = hash.digest("hex");
  if (readJson(stamps)?.[name] === stamp && existsSync(join(root, output))) return;
  await step(name, work);
  writeFileSync(join(root, stamps), JSON.stringify({ ...readJson(stamps), [name]: stamp }));
}

function files(folder, pattern) {
  const absolute = join(root, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist"].includes(entry.name) ? [] : files(path, pattern);
    return pattern.test(entry.name) ? [path] : [];
  });
}

/** One line per step: what it does, then how long it took. */
async function step(name, work) {
  const start = Date.now();
  done += 1;
  if (color) process.stderr.write(`\u001b[2m… ${name}\u001b[0m`);
  await work();
  say(
    color
      ? `\r\u001b[2K\u001b[32m✓\u001b[0m ${name} \u001b[2m${seconds(start)}\u001b[0m`
      : `setup: ${name} (${seconds(start)})`,
  );
}

/** Runs a program quietly; shows what it said only when it fails. */
function run(program, programArgs, hint = () => "", env = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, programArgs, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => fail(`${program} can't be started: ${error.message}`));
    child.on("close", (code) => {
      if (code === 0) return resolve();
      fail(
        `${program} ${programArgs.join(" ")} failed:\n${output.trim().split("\n").slice(-25).join("\n")}\n${hint(output)}`,
      );
    });
  });
}

function offline(output) {
  return /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ERR_SOCKET|network|Temporary failure|dns error/i.test(
    output,
  )
    ? "The machine seems to be offline: setup needs the npm registry and, for missing system packages, a Debian mirror."
    : "";
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function readJson(path) {
  const absolute = join(root, path);
  return existsSync(absolute) && statSync(absolute).isFile() ? JSON.parse(readFileSync(absolute, "utf8")) : undefined;
}

function seconds(start) {
  return `${((Date.now() - start) / 1000).toFixed(1)} s`;
}

/** On stderr: the output of what follows is what was asked for. */
function say(line) {
  console.error(line);
}

function fail(message) {
  console.error(`${color ? "\n" : ""}setup: ${message}`);
  process.exit(1);
}
