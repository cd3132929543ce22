import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { reach, referencePlugin, serve, spaceOf } from "@netkit/testing";
import { Containers, startProgram } from "./containers.ts";
import type { Host } from "./host.ts";

interface CniResult {
  readonly cniVersion: string;
  readonly interfaces?: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
  readonly ips?: readonly { readonly address: string; readonly gateway?: string; readonly interface?: number }[];
  readonly [key: string]: unknown;
}

interface CniFailure {
  readonly cniVersion: string;
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

export interface CniOutcome {
  readonly status: number | string;
  /** What is on stdout; undefined: nothing. */
  readonly said: CniResult & CniFailure;
  readonly stderr: string;
}

/** What a runtime says beside the verb. */
export interface CniRequest {
  readonly id?: string;
  readonly ifName?: string;
  /** A path; "": none. */
  readonly netns?: string;
  readonly args?: string;
  /** Laid over the configuration of the list. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** In place of the configuration. */
  readonly input?: string;
  /** Which plugin, or the path of another one; default that of the list. */
  readonly type?: string;
}

/** Whether plugins may start an agent, and options of the network that is made. */
export type Given = [options?: { readonly agent?: boolean }, ...more: string[]];

/** Calls plugins on a host as libcni does, one verb at a time. */
export class CniRuntime extends Containers {
  readonly binDir: string;
  readonly confDir: string;
  readonly #host: Host;
  readonly #plugin: Readonly<Record<string, unknown>>;
  readonly #list: string;

  /** Installs the plugins for a network. @param agent whether plugins may start one */
  constructor(host: Host, network: string, { agent = true, name = network } = {}) {
    super("nkcni");
    this.#host = host;
    this.binDir = join(host.root, "cni-bin");
    this.confDir = join(host.root, "cni-conf");
    const config = join(host.root, "netkit.json");
    writeFileSync(config, JSON.stringify({ agent }));
    const folders = ["--bin-dir", this.binDir, "--conf-dir", this.confDir];
    host.ok("cni", "install", "--config", config, "--network", network, "--name", name, ...folders);
    const list = JSON.parse(readFileSync(join(this.confDir, `10-netkit-${name}.conflist`), "utf8")) as {
      readonly name: string;
      readonly plugins: readonly Readonly<Record<string, unknown>>[];
    };
    const { capabilities: _, ...plugin } = list.plugins[0] ?? {};
    this.#plugin = plugin;
    this.#list = list.name;
  }

  /** For a network `my-net`, which is made with these options. */
  static onNewNetwork(host: Host, options: Given[0] = { agent: false }, ...more: string[]): CniRuntime {
    host.ok("network", "create", "--subnet", "10.7.0.0/24", ...more, "my-net");
    return new CniRuntime(host, "my-net", options);
  }

  call(verb: string, request: CniRequest = {}): CniOutcome {
    const [words, options] = this.#program(verb, request);
    const done = spawnSync("nsenter", words, { ...options, encoding: "utf8", maxBuffer: 2 ** 26 });
    return outcome(done.status ?? done.signal ?? "", done.stdout, done.stderr);
  }

  /** What was printed; throws if it fails. */
  ok(verb: string, request: CniRequest = {}): CniOutcome["said"] {
    const { status, said, stderr } = this.call(verb, request);
    if (status === 0 && stderr === "") return said;
    throw new Error(`${verb} ended with ${status}: ${JSON.stringify(said)} ${stderr}`);
  }

  /** One of the reference plugins in the same list, with what is its own: it throws, too. */
  reference(verb: string, type: string, netns: string, own: object): CniOutcome["said"] {
    const configuration = { cniVersion: "1.0.0", name: this.#list, type, ...own };
    const path = referencePlugin(type) ?? type;
    // Their IPAM plugins are beside them, and ours beside ours.
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", CNI_PATH: `${this.binDir}:${dirname(path)}` };
    return this.ok(verb, { netns, type: path, input: JSON.stringify(configuration), env });
  }

  /** As `call`, at the same time as others. @param killAfterMs SIGKILL then */
  async start(verb: string, request: CniRequest = {}, killAfterMs?: number): Promise<CniOutcome & { tookMs: number }> {
    const [words, options] = this.#program(verb, request);
    const { status, stdout, stderr, tookMs } = await startProgram("nsenter", words, options, killAfterMs);
    return { ...outcome(status, stdout, stderr), tookMs };
  }

  #program(verb: string, request: CniRequest): [string[], { input: string; env: NodeJS.ProcessEnv }] {
    const { id = "c1", ifName = "eth0", netns = "", args = "", more = {}, env = {}, type = "netkit" } = request;
    const configuration = { cniVersion: "1.1.0", name: this.#list, ...this.#plugin, ...more };
    const isAbout = !["GC", "STATUS", "VERSION"].includes(verb);
    return [
      [`--net=${this.#host.path}`, "--", resolve(this.binDir, type)],
      {
        input: request.input ?? JSON.stringify(configuration),
        // A runtime may have no PATH to speak of.
        env: {
          CNI_COMMAND: verb,
          CNI_PATH: this.binDir,
          ...(isAbout ? { CNI_CONTAINERID: id, CNI_IFNAME: ifName } : {}),
          ...(netns === "" ? {} : { CNI_NETNS: netns }),
          ...(args === "" ? {} : { CNI_ARGS: args }),
          ...env,
        },
      },
    ];
  }
}

function outcome(status: number | string, stdout: string, stderr: string): CniOutcome {
  return { status, said: (stdout === "" ? undefined : JSON.parse(stdout)) as CniOutcome["said"], stderr };
}

/** What an ADD printed, for the verbs after it. */
export function withResult(prevResult: unknown, more: object = {}): { readonly more: Record<string, unknown> } {
  return { more: { ...more, prevResult } };
}

/** Attachments that a runtime knows. */
export function valid(...ids: string[]): { containerID: string; ifname: string }[] {
  return ids.map((containerID) => ({ containerID, ifname: "eth0" }));
}

/** What a runtime says of a port to be published. */
export const port = (hostPort: number, containerPort = 80, protocol = "tcp") => ({
  runtimeConfig: { portMappings: [{ hostPort, containerPort, protocol }] },
});

/** What comes of a connection from the host to one of its ports while a container serves port 80. */
export async function reaction(host: Host, netns: string, hostPort: number, address = "10.7.0.1"): Promise<string> {
  await using _ = await serve(spaceOf(netns), 80);
  return (await reach(spaceOf(host.path), { protocol: "tcp", address, port: hostPort })).status;
}
