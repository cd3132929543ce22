import { compareSnapshots, takeSnapshot, timeScale, type Snapshot } from "@netkit/conformance/lab";
import type { Machine, Outcome, RunOptions } from "./machine.ts";
import type { Process } from "./process.ts";

/** Where a host is on the segment that it shares with others. */
export interface Place {
  /** Its hostname. */
  readonly name: string;
  /** The link of the segment. */
  readonly link: string;
  /** That link's addresses. */
  readonly address: string;
  readonly address6: string;
}

/** netkit's folders, and what others keep there for network namespaces. */
export const folders: readonly string[] = ["/run/netns", "/etc/netns", "/run/netkit", "/var/lib/netkit"];

/** What netkit leaves on purpose (its README, "What stays on the host"), and its state and log. */
const stays =
  /^\/run\/netkit\/(ports\.lock|roots\b.*)$|^\/var\/lib\/netkit\/((agent\.)?lock|agent\.log|logs|files|shared\.json|state\.db.*)$/;

/** A host as its administrator has it: one who is root there. */
export class Host {
  readonly name: string;
  readonly link: string;
  readonly address: string;
  readonly address6: string;
  readonly machine: Machine;

  constructor(machine: Machine, { name, link, address, address6 }: Place) {
    this.machine = machine;
    this.name = name;
    this.link = link;
    this.address = address;
    this.address6 = address6;
  }

  /** Whatever comes of it. */
  async run(words: readonly string[], options?: RunOptions): Promise<Outcome> {
    return await this.machine.run(words, options);
  }

  /** What it prints. @throws Error with what it says on stderr when it fails */
  async exec(words: readonly string[], options?: RunOptions): Promise<string> {
    return await this.machine.exec(words, options);
  }

  /** `sh -e`: one way to the machine for many commands. @throws Error with what they say when one fails */
  async shell(script: string, options?: RunOptions): Promise<string> {
    return await this.exec(["sh", "-ec", script], options);
  }

  /** Until a shell command succeeds. @throws Error if it hasn't within the time, 10 s by default, which is scaled */
  async until(condition: string, timeoutMs = 10_000): Promise<void> {
    const seconds = String((timeoutMs * timeScale) / 1000);
    const script = `until { ${condition}; } >/dev/null 2>&1; do sleep 0.1; done`;
    const { status } = await this.run(["timeout", seconds, "sh", "-c", script], { timeoutMs: timeoutMs + 10_000 });
    if (status !== 0) throw new Error(`on ${this.name} it never came to this: ${condition}`);
  }

  start(words: readonly string[]): Process {
    return this.machine.start(words);
  }

  async read(path: string): Promise<string> {
    return await this.exec(["cat", "--", path]);
  }

  async write(path: string, text: string): Promise<void> {
    await this.exec(["sh", "-c", 'cat > "$1"', "sh", path], { input: text });
  }

  async remove(...paths: readonly string[]): Promise<void> {
    await this.exec(["rm", "-rf", "--", ...paths]);
  }

  /** What the command prints. @throws Error with what it says when it fails */
  async netkit(...words: readonly string[]): Promise<string> {
    return await this.exec(["netkit", ...words]);
  }

  /** `ip -j -d` with `words`, without the empty objects that it prints for what it leaves out. */
  async ip<T = Record<string, unknown>>(words: string): Promise<T[]> {
    return rows(await this.exec(["ip", "-j", "-d", ...words.split(" ")]));
  }

  /** `bridge -j -d` with `words`. */
  async bridge<T = Record<string, unknown>>(words: string): Promise<T[]> {
    return rows(await this.exec(["bridge", "-j", "-d", ...words.split(" ")]));
  }

  /** All that networks can leave behind, but for what netkit says that it leaves. */
  async traces(): Promise<Snapshot> {
    const [snapshot, found] = await Promise.all([
      takeSnapshot({ [this.name]: this }),
      this.exec(["find", ...folders, "-mindepth", "1"]),
    ]);
    const files = found.split("\n").filter((path) => path !== "" && !stays.test(path));
    return { ...snapshot, [`files of ${this.name}`]: { files } };
  }

  /** What there is now and was not then, and the other way round: a line for each. */
  async differences(before: Snapshot): Promise<string[]> {
    return compareSnapshots(before, await this.traces());
  }

  /** All its processes at once, and its links with them. @throws Error on a machine of its own, which others still need */
  async die(): Promise<void> {
    return await Promise.reject(new Error(`${this.name} is a whole machine: of three hosts the last is none`));
  }

  /** From now on nothing gets through to or from the segment, and nobody is told. */
  async cut(): Promise<void> {
    const drop = ["in:prerouting:iifname", "out:output:oifname", "on:postrouting:oifname"].map((chain) => {
      const [name, hook, direction] = chain.split(":");
      return `chain ${name} { type filter hook ${hook} priority -500; ${direction} "${this.link}" drop; }\n`;
    });
    await this.exec(["nft", "-f", "-"], { input: `table inet cut {\n${drop.join("")}}` });
  }

  async heal(): Promise<void> {
    await this.exec(["nft", "delete", "table", "inet", "cut"]);
  }
}

function rows<T>(text: string): T[] {
  const all = JSON.parse(text === "" ? "[]" : text) as T[];
  return all.filter((row) => Object.keys(row as object).length > 0);
}
