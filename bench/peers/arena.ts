import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Caller } from "@netkit/testing/calls";
import type { ContenderCalls } from "./contender.program.ts";
import type { ContenderId, ContenderKind } from "./registry.ts";
import { peersFolder } from "./sid.ts";

/**
 * A host: fresh namespaces, state on the disk, all else that programs write in memory. With the newest peers its /usr is
 * Debian's sid where that has something, and what setup brought of the machine's own suite is out of sight.
 */
const script = `
disk=$1 sid=$2; shift 2
mount -t tmpfs tmpfs /run
for folder in /run/netns /run/netkit /run/lock /run/bench; do mkdir -p $folder; done
for folder in /etc/netns /etc/containers; do mkdir -p $folder; mount -t tmpfs tmpfs $folder; done
for folder in /var/lib/netkit /var/lib/cni; do
  mkdir -p $folder "$disk$folder"
  mount --bind "$disk$folder" $folder
done
if [ "$sid" ]; then
  mount -t overlay overlay -o "lowerdir=$sid/usr:/usr" /usr
  mount -t tmpfs tmpfs "$sid/../servers"
fi
ip link set lo up
exec "$@"`;

/** A contender's process, on its host. */
export class Arena {
  readonly call: Caller<ContenderCalls>["call"];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, call: Caller<ContenderCalls>["call"]) {
    this.#child = child;
    this.call = call;
  }

  /** @param disk a folder for its state */
  static async open({ id, kind }: { id: ContenderId; kind: ContenderKind }, disk: string): Promise<Arena> {
    mkdirSync(disk, { recursive: true });
    const sid = kind === "peer" && existsSync(join(peersFolder, "versions")) ? peersFolder : "";
    const host = ["--net", "--mount", "--propagation", "private", "--", "sh", "-ec", script, "sh", disk, sid];
    const child = fork(join(import.meta.dirname, "contender.program.js"), [id], {
      execPath: "unshare",
      execArgv: [...host, process.execPath],
      serialization: "advanced",
    });
    const caller = new Caller<ContenderCalls>(child, id);
    await caller.ready;
    return new Arena(child, caller.call.bind(caller));
  }

  /** Ends what runs on it; the host goes with it. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    await this.call("stop");
    this.#child.disconnect();
    await ended;
  }
}
