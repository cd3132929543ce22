/**
 * Docker on a host of its own, for tests and the bench.
 *
 * @packageDocumentation
 */
import type { Host, Process } from "./hosts/index.ts";
import { findProgram } from "./servers/program.ts";
import { makeBox, removeCgroups } from "./box.ts";

const programs = ["dockerd", "docker", "containerd", "runc", "busybox"];

/** Whether this machine can run Docker: setup brings it. */
export const hasDocker: boolean = programs.every((program) => findProgram(program) !== undefined);

/** Whether it has version 2 of Compose. */
export const hasCompose: boolean = findProgram("docker-compose") !== undefined;

const folders = ["/run/docker", "/etc/docker", "/var/lib/docker", "/run/containerd"];
const containerd = "/run/containerd/own.sock";
const api = "unix:///run/docker/docker.sock";
/** What a host's containers' cgroups are under, for these are the machine's, and other tests may run beside these. */
function cgroupOf({ name }: Host): string {
  return `nktest-docker-${process.pid}-${name}`;
}

export interface DockerEngineOptions {
  /** More of dockerd's command line when it starts first. */
  readonly dockerd?: readonly string[];
  /** More of the agent's, each time: its store. False: there is none beside it. */
  readonly agent?: readonly string[] | false;
}

/**
 * A real Docker on a host of its own, that nobody has configured: no bridge, no rules. Its state is in memory and goes with the
 * host; containerd runs beside it, as a service of its own, so that it outlives dockerd.
 */
export class DockerEngine implements AsyncDisposable {
  /** Where its API is. */
  readonly api: string = api;
  readonly #host: Host;
  readonly #options: DockerEngineOptions;
  readonly #containerd: Process;
  #dockerd: Process;
  #agent: Process | undefined;

  private constructor(
    host: Host,
    options: DockerEngineOptions,
    processes: Record<"containerd" | "dockerd", Process> & { readonly agent: Process | undefined },
  ) {
    this.#host = host;
    this.#options = options;
    this.#containerd = processes.containerd;
    this.#dockerd = processes.dockerd;
    this.#agent = processes.agent;
  }

  /** With an agent that serves it, unless there is to be none, and an image called `box`. */
  static async start(host: Host, options: DockerEngineOptions = {}): Promise<DockerEngine> {
    await using stack = new AsyncDisposableStack();
    await host.shell(folders.map((folder) => `mkdir -p ${folder}; mount -t tmpfs tmpfs ${folder}`).join("\n"));
    await host.write(
      "/run/containerd/config.toml",
      `version = 2
root = "/var/lib/docker/containerd"
state = "/run/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${containerd}"
`,
    );
    const beside = stack.use(host.start(["containerd", "--config", "/run/containerd/config.toml"]));
    await host.until(`test -S ${containerd}`);
    const engine = new DockerEngine(host, options, {
      containerd: beside,
      dockerd: stack.use(await startDockerd(host, options.dockerd)),
      agent: stack.use(await startAgent(host, options.agent)),
    });
    await makeBox(host, "/var/lib/docker/box");
    await host.shell(`tar -C /var/lib/docker/box -c . | docker -H ${api} import - box`);
    stack.move();
    return engine;
  }

  /** What the command prints. @throws Error with what it says when it fails */
  async docker(...words: readonly string[]): Promise<string> {
    return (await this.#host.exec(["docker", "-H", api, ...words])).trim();
  }

  /** Compose with the project in a file. */
  async compose(file: string, ...words: readonly string[]): Promise<string> {
    return await this.#host.exec(["env", `DOCKER_HOST=${api}`, "docker-compose", "-f", file, ...words]);
  }

  /** Goes on meanwhile. */
  startDocker(...words: readonly string[]): Process {
    return this.#host.start(["docker", "-H", api, ...words]);
  }

  /** What it says when it fails, as it has to. */
  async refusal(...words: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.#host.run(["docker", "-H", api, ...words]);
    if (status === 0) throw new Error(`docker ${words.join(" ")} did what it should refuse: ${stdout}`);
    return stderr;
  }

  /** At once, with whatever it is in the middle of. */
  async killDockerd(): Promise<void> {
    await this.#dockerd.kill("SIGKILL");
  }

  /** From now on no container is started: whoever starts one waits for it. */
  async holdContainers(): Promise<void> {
    await this.#containerd.kill("SIGSTOP");
  }

  async releaseContainers(): Promise<void> {
    await this.#containerd.resume();
  }

  /** @param flags more of its command line: `--live-restore` */
  async startDockerd(...flags: readonly string[]): Promise<void> {
    this.#dockerd = await startDockerd(this.#host, flags);
  }

  async restartAgent(): Promise<void> {
    await this.#agent?.kill("SIGKILL");
    this.#agent = await startAgent(this.#host, this.#options.agent);
  }

  /** What the agent has complained of. */
  get complaints(): readonly string[] {
    return this.#agent?.lines ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dockerd.kill("SIGTERM");
    await this.#agent?.kill("SIGTERM");
    await this.#containerd.kill("SIGTERM");
    await removeCgroups(this.#host, cgroupOf(this.#host));
  }
}

/** Nothing of the machine's: neither its configuration nor its firewall. */
async function startDockerd(host: Host, flags: readonly string[] = []): Promise<Process> {
  const process = host.start([
    "dockerd",
    `--host=${api}`,
    `--containerd=${containerd}`,
    "--data-root=/var/lib/docker",
    "--exec-root=/run/docker",
    "--pidfile=/run/docker/docker.pid",
    `--cgroup-parent=/${cgroupOf(host)}`,
    "--storage-driver=vfs",
    ..."--bridge=none --iptables=false --ip6tables=false --ip-forward=false".split(" "),
    ...flags,
  ]);
  await host.until(`docker -H ${api} version`, 30_000);
  return process;
}

async function startAgent(host: Host, flags: readonly string[] | false = []): Promise<Process | undefined> {
  if (flags === false) return undefined;
  const process = host.start(["env", `DOCKER_HOST=${api}`, "netkit", "agent", "--docker", ...flags]);
  await host.until("netkit agent status");
  return process;
}
