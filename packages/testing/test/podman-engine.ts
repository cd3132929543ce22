import type { Host, Process } from "../src/hosts/index.ts";
import { findProgram } from "../src/servers/program.ts";

const programs = ["podman", "conmon", "runc", "busybox"];

/** Whether this machine can run Podman: setup brings it. */
export const hasPodman: boolean = programs.every((program) => findProgram(program) !== undefined);

/** Its state, and the locks that its processes share. */
const folders = ["/etc/containers", "/var/lib/containers", "/run/containers", "/run/libpod", "/dev/shm"];
/** What its containers' cgroups are under, for these are the machine's. */
const cgroup = "nktest-podman";

/** What the image has beside busybox itself, which is static. */
const applets = ["sh", "ping", "sleep", "ip", "httpd", "cat", "nslookup"];

/**
 * A real Podman on a host of its own, whose network backend is netkit's. It has no daemon; its state is in memory and goes with
 * the host.
 */
export class PodmanEngine implements AsyncDisposable {
  readonly #host: Host;

  private constructor(host: Host) {
    this.#host = host;
  }

  /** With an image called `box`. */
  static async start(host: Host): Promise<PodmanEngine> {
    await host.shell(folders.map((folder) => `mkdir -p ${folder}; mount -t tmpfs tmpfs ${folder}`).join("\n"));
    await host.write("/etc/containers/policy.json", `{ "default": [{ "type": "insecureAcceptAnything" }] }`);
    await host.write(
      "/etc/containers/storage.conf",
      `[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n`,
    );
    await host.write(
      "/etc/containers/containers.conf",
      `[containers]
seccomp_profile = "unconfined"
pids_limit = 0
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
conmon_path = ["${findProgram("conmon")}"]
[engine.runtimes]
runc = ["${findProgram("runc")}"]
`,
    );
    await host.netkit("podman", "install", "--bin-dir", "/run/netkit/podman");
    await host.shell(
      `mkdir -p /var/lib/containers/box/bin && cd /var/lib/containers/box && cp "$(command -v busybox)" bin/busybox
       for applet in ${applets.join(" ")}; do ln -s busybox bin/$applet; done
       tar -c . | podman import - box`,
    );
    return new PodmanEngine(host);
  }

  /** What the command prints. @throws Error with what it says when it fails */
  async podman(...words: readonly string[]): Promise<string> {
    return (await this.#host.exec(["podman", ...words])).trim();
  }

  /** A container in the background; its id. */
  async run(...words: readonly string[]): Promise<string> {
    return await this.podman("run", "-d", `--cgroup-parent=/${cgroup}`, ...words);
  }

  /** As `run`, at the same time as others. */
  startRun(...words: readonly string[]): Process {
    return this.#host.start(["podman", "run", "-d", `--cgroup-parent=/${cgroup}`, ...words]);
  }

  /** What it says when it fails, as it has to. */
  async refusal(...words: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.#host.run(["podman", ...words]);
    if (status === 0) throw new Error(`podman ${words.join(" ")} did what it should refuse: ${stdout}`);
    return stderr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.podman("rm", "--all", "--force", "--time=0");
    // Deepest first; a hierarchy may be without.
    await this.#host.shell(`find /sys/fs/cgroup -depth -type d -path '*/${cgroup}*' -exec rmdir {} +`);
  }
}
