import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Containers, startProgram } from "./containers.ts";
import type { Host } from "./host.ts";

interface Interface {
  readonly mac_address: string;
  readonly subnets: readonly { readonly gateway: string | null; readonly ipnet: string }[];
}

type Status = Readonly<
  Record<
    string,
    {
      readonly dns_search_domains: readonly string[];
      readonly dns_server_ips: readonly string[];
      readonly interfaces: Readonly<Record<string, Interface>>;
    }
  >
>;

interface Failure {
  readonly error: string;
}

export interface PodmanOutcome {
  readonly status: number | string;
  /** What is on stdout; undefined: nothing. */
  readonly said: (Status & Failure) | undefined;
  readonly stderr: string;
}

/** A network, as far as a test says what it is like. */
export interface TestNetwork {
  readonly name: string;
  readonly [key: string]: unknown;
}

/** A container, as far as a test says what it is like. */
export interface TestContainer {
  readonly id: string;
  readonly networks: readonly TestNetwork[];
  /** Of each network; `static_ips` as a rule. */
  readonly each?: readonly Readonly<Record<string, unknown>>[];
  /** Of the whole call. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** What Podman writes for a bridge network. */
export function podmanNetwork(name: string, third: number, more: object = {}): TestNetwork {
  return {
    name,
    id: createHash("sha256").update(name).digest("hex"),
    driver: "bridge",
    network_interface: `podman${third}`,
    created: "2026-01-01T00:00:00Z",
    subnets: [{ subnet: `10.89.${third}.0/24`, gateway: `10.89.${third}.1` }],
    ipv6_enabled: false,
    internal: false,
    dns_enabled: true,
    ipam_options: { driver: "host-local" },
    ...more,
  };
}

/** What Podman writes for a container: the key of a network is its name, interfaces are eth0, eth1, ... */
export function podmanInput({ id, networks, each = [], more = {} }: TestContainer): string {
  const attachments = networks.map(({ name }, index) => [
    name,
    { interface_name: `eth${index}`, aliases: [id.slice(0, 12)], ...each[index] },
  ]);
  return JSON.stringify({
    container_id: id,
    container_name: `name-${id}`,
    networks: Object.fromEntries(attachments) as unknown,
    network_info: Object.fromEntries(networks.map((network) => [network.name, network])),
    ...more,
  });
}

/** Calls the backend on a host as Podman does, one command at a time. */
export class PodmanRuntime extends Containers {
  readonly folders: readonly string[];
  /** The configuration file that says whether there is an agent. */
  readonly config: string;
  /** The backend. */
  readonly program: string;
  readonly #host: Host;

  /** @param agent whether it may start one */
  constructor(host: Host, { agent = true } = {}) {
    super("nkpod");
    this.#host = host;
    this.config = join(host.root, "netkit.json");
    writeFileSync(this.config, JSON.stringify({ agent }));
    this.folders = ["--bin-dir", join(host.root, "podman"), "--conf-dir", join(host.root, "containers.conf.d")];
    host.ok("podman", "install", "--config", this.config, ...this.folders);
    this.program = join(host.root, "podman", "netavark");
  }

  /** A container's namespace as Podman makes it: even the loopback is down. */
  space(id: string): string {
    return this.container(id, false);
  }

  call(words: readonly string[], input: TestContainer | string = ""): PodmanOutcome {
    const [args, options] = this.#call(words, input);
    const done = spawnSync("nsenter", args, { ...options, encoding: "utf8", maxBuffer: 2 ** 26 });
    return outcome(done.status ?? done.signal ?? "", done.stdout, done.stderr);
  }

  /** What it printed; throws if it fails. */
  ok(words: readonly string[], input: TestContainer | string = ""): Status {
    const { status, said, stderr } = this.call(words, input);
    if (status === 0 && stderr === "") return said ?? {};
    throw new Error(`${words.join(" ")} ended with ${status}: ${JSON.stringify(said)} ${stderr}`);
  }

  /** What it says when it fails, as it has to. */
  refusal(words: readonly string[], input: TestContainer | string = ""): string {
    const { status, said, stderr } = this.call(words, input);
    if (status === 1 && stderr === "" && said !== undefined) return said.error;
    throw new Error(`${words.join(" ")} ended with ${status}: ${JSON.stringify(said)} ${stderr}`);
  }

  /** As `call`, at the same time as others. @param killAfterMs SIGKILL then */
  async start(
    words: readonly string[],
    input: TestContainer,
    killAfterMs?: number,
  ): Promise<PodmanOutcome & { tookMs: number }> {
    const [args, options] = this.#call(words, input);
    const { status, stdout, stderr, tookMs } = await startProgram("nsenter", args, options, killAfterMs);
    return { ...outcome(status, stdout, stderr), tookMs };
  }

  #call(
    words: readonly string[],
    input: TestContainer | string,
  ): [string[], { input: string; env: NodeJS.ProcessEnv }] {
    // Options that Podman gives and netkit has no use for.
    const options = ["--config", "/run/containers/networks", "--rootless=false", "--aardvark-binary=/usr/lib/a"];
    return [
      [`--net=${this.#host.path}`, "--", this.program, ...options, ...words],
      { input: typeof input === "string" ? input : podmanInput(input), env: { PATH: "/usr/bin:/bin" } },
    ];
  }
}

function outcome(status: number | string, stdout: string, stderr: string): PodmanOutcome {
  return { status, said: stdout === "" ? undefined : (JSON.parse(stdout) as PodmanOutcome["said"]), stderr };
}
