import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const checkout = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Where netkit keeps files beside its root. */
const folders = ["/run/netns", "/etc/netns", "/run/netkit"];

/** What a command said. */
export interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The demo's machine: a network namespace that plays the host, so that nothing of the real one is touched, and a
 * second one that plays the outside world, behind the link `uplink`.
 */
export class Stage {
  readonly root: string = mkdtempSync(join(tmpdir(), "netkit-demo-"));
  readonly outside = "outside";
  readonly #before: readonly string[];

  constructor() {
    sh("ip link set lo up");
    sh(`ip netns add ${this.outside}`);
    sh(`ip link add uplink type veth peer name eth0 netns ${this.outside}`);
    // A link-local address would turn up in the middle of the demo, when duplicate address detection is through.
    sh("ip link set uplink addrgenmode none");
    sh("ip address add 203.0.113.1/24 dev uplink && ip link set uplink up");
    sh(`ip -n ${this.outside} address add 203.0.113.2/24 dev eth0 && ip -n ${this.outside} link set eth0 up`);
    sh("ip route add default via 203.0.113.2");
    this.#before = traces();
  }

  /** Runs the CLI and returns what it said; throws unless it exits with `status`. */
  netkit(words: string, status = 0): Said {
    return this.#checked(`netkit ${words}`, run([this.cli, "--root", this.root, ...words.split(" ")]), status);
  }

  /** Any shell command on the host of the demo. */
  shell(command: string, status = 0): Said {
    return this.#checked(command, run(["sh", "-c", command]), status);
  }

  get cli(): string {
    return join(checkout, "node_modules/.bin/netkit");
  }

  /** What is there now that wasn't when the demo began. */
  leftovers(): string[] {
    return traces().filter((trace) => !this.#before.includes(trace));
  }

  close(): void {
    // Whatever went wrong before.
    run([this.cli, "--root", this.root, "agent", "stop"]);
    spawnSync("ip", ["netns", "del", this.outside]);
    rmSync(this.root, { recursive: true, force: true });
  }

  #checked(command: string, said: Said, status: number): Said {
    if (said.status === status) return said;
    throw new Error(`${command}\nexited with ${said.status}, not ${status}\n${said.stdout}${said.stderr}`);
  }
}

/** Runs this program again in network and mount namespaces of its own. True: this is that second run. */
export function enterPrivateNamespaces(): boolean {
  if (process.env["NETKIT_DEMO_STAGE"] === "1") {
    // Names of network namespaces are files, and so is what netkit's roots know of each other: here the demo's alone.
    for (const folder of folders) sh(`mkdir -p ${folder} && mount -t tmpfs tmpfs ${folder}`);
    return true;
  }
  const had = folders.filter((folder) => existsSync(folder));
  const script = process.argv[1] ?? "";
  const { status } = spawnSync(
    "unshare",
    ["--net", "--mount", "--propagation", "private", process.execPath, script, ...process.argv.slice(2)],
    { stdio: "inherit", env: { ...process.env, NETKIT_DEMO_STAGE: "1" } },
  );
  for (const folder of folders) {
    if (!had.includes(folder) && existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
  }
  process.exitCode = status ?? 1;
  return false;
}

/** Everything that a network could leave on a host, a line each. */
function traces(): string[] {
  return [
    ...lines("ip -o link show | cut -d: -f2").map((line) => `link${line}`),
    ...lines("ip -o -4 address show; ip -o -6 address show scope global").map(
      (line) => `address ${line.replace(/^\d+: /, "")}`,
    ),
    ...lines("ip route show table all; ip -6 route show table main").map((line) => `route ${line}`),
    ...lines("nft list tables").map((line) => `nft ${line}`),
    ...lines("ip netns list | cut -d' ' -f1").map((line) => `namespace ${line}`),
    ...["/etc/netns", "/run/netkit/roots"].flatMap((folder) =>
      lines(`ls ${folder} 2>/dev/null`).map((line) => `files ${folder}/${line}`),
    ),
    ...lines("ls /run/netkit/*.sock 2>/dev/null").map((line) => `socket ${line}`),
  ];
}

function lines(command: string): string[] {
  return run(["sh", "-c", command])
    .stdout.split("\n")
    .filter((line) => line !== "");
}

function run(argv: readonly string[]): Said {
  const [file = "", ...rest] = argv;
  const { status, stdout, stderr, error } = spawnSync(file, rest, { encoding: "utf8" });
  return { status: status ?? 255, stdout, stderr: error === undefined ? stderr : `${stderr}${error.message}\n` };
}

function sh(command: string): void {
  const said = run(["sh", "-c", command]);
  if (said.status !== 0) throw new Error(`${command}\n${said.stderr}`);
}
