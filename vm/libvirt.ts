import { spawn, spawnSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { files, makeFolder } from "./files.ts";
import { identityOf, isAlive, type ProcessIdentity } from "./process-identity.ts";

/** Where Vagrant finds libvirt. */
export interface Libvirt {
  /** The first process of a private one: when it ends everything in it has ended. Undefined for that of the machine. */
  readonly init?: ProcessIdentity;
}

/** `own`: they end with this process, however it ends. `kept`: they go on until {@link closeLibvirt}. */
export type Keeping = "own" | "kept";

const uri = "qemu:///system";

/** The private daemons are ready within 2 s, within 10 on a machine that is busy. */
const readyMs = 60_000;

/**
 * The libvirt of this machine where it has one that runs; else, as root, one of our own in namespaces of its own for processes,
 * network and files: its bridges, addresses, firewall and configuration aren't the machine's, and nothing outlives its first process.
 */
export async function openLibvirt(keeping: Keeping): Promise<Libvirt> {
  if (spawnSync("virsh", ["--connect", uri, "version"], { stdio: "ignore", timeout: 20_000 }).status === 0) return {};
  if (process.getuid?.() !== 0) {
    throw new Error(
      `libvirt doesn't run, or doesn't let this user in (virsh --connect ${uri}): root starts one of its own`,
    );
  }
  return { init: await startPrivate(keeping) };
}

/** Ends a private libvirt, and with it its machines. */
export async function closeLibvirt({ init }: Libvirt): Promise<void> {
  if (init !== undefined && isAlive(init)) {
    process.kill(init.pid, "SIGKILL");
    // It isn't our child. Emulated machines have memory to give back.
    while (isAlive(init)) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const folder of ["etc", "lib", "log"]) rmSync(join(files.libvirt, folder), { recursive: true, force: true });
}

/** The first words of a command that is to run where libvirt does: Vagrant. */
export function insideOf({ init }: Libvirt): readonly string[] {
  return init === undefined ? [] : ["nsenter", `--target=${init.pid}`, "--all", "--"];
}

/** The first words of a command that is to reach the machines, with the files of this one. */
export function networkOf({ init }: Libvirt): readonly string[] {
  return init === undefined ? [] : ["nsenter", `--target=${init.pid}`, "--net", "--"];
}

async function startPrivate(keeping: Keeping): Promise<ProcessIdentity> {
  rmSync(folder("etc"), { recursive: true });
  cpSync("/etc/libvirt", folder("etc"), { recursive: true });
  // As root: another user may open no device here, and asks qemu at every call anew what it can, which takes seconds.
  writeFileSync(
    join(folder("etc"), "qemu.conf"),
    [
      'user = "root"',
      'group = "root"',
      'security_driver = "none"',
      "cgroup_controllers = [ ]",
      "remember_owner = 0",
      "",
    ].join("\n"),
  );
  writeFileSync(join(folder("etc"), "libvirtd.conf"), 'auth_unix_ro = "none"\nauth_unix_rw = "none"\n');
  const log = join(makeFolder(files.log), "libvirt");
  const script = `set -e
    mkdir -p /run/libvirt && mount -t tmpfs tmpfs /run/libvirt
    mount --bind "$1/etc" /etc/libvirt
    for part in lib cache log; do mount --bind "$1/$part" "/var/$part/libvirt"; done
    ip link set lo up
    virtlogd --daemon --pid-file /run/libvirt/virtlogd.pid
    libvirtd --daemon --pid-file /run/libvirt/libvirtd.pid
    echo ready
    # It has a child to wait for, and meanwhile takes note of those that others have left to it.
    sleep infinity`;
  // Between the two a shell that dies with us, and whose death is that of its namespaces.
  const tie = keeping === "own" ? ["setpriv", "--pdeathsig=KILL"] : [];
  const words = [
    ...tie,
    ..."unshare --net --mount --pid --mount-proc --fork --kill-child --propagation=private sh -c".split(" "),
    script,
    "sh",
    files.libvirt,
  ];
  for (const part of ["lib", "cache", "log"]) folder(part);
  // What they say is not for whoever started them: unshare complains of its child's end by a signal.
  const child = spawn("sh", ["-c", 'exec "$@" 2>"$0"', log, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const ready = Promise.withResolvers<boolean>();
  const lines = createInterface({ input: child.stdout });
  lines.on("line", () => ready.resolve(true)).on("close", () => ready.resolve(false));
  child.on("error", () => ready.resolve(false));
  const timer = setTimeout(() => ready.resolve(false), readyMs);
  const isReady = await ready.promise;
  clearTimeout(timer);
  if (!isReady) {
    child.kill("SIGKILL");
    const last = readFileSync(log, "utf8").split("\n").slice(-10).join("\n");
    throw new Error(`libvirtd didn't start; ${log} says:\n${last}`);
  }
  lines.close();
  child.stdout.destroy();
  child.unref();
  const { pid = 0 } = child;
  return identityOf(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim()));
}

function folder(name: string): string {
  return makeFolder(join(files.libvirt, name));
}
