import type { Host, Process } from "../src/hosts/index.ts";
import { findProgram } from "../src/servers/program.ts";
import { makeBox, removeCgroups } from "../src/box.ts";

const programs = ["podman", "conmon", "runc", "busybox"];

/** Whether this machine can run Podman: setup brings it. */
export const hasPodman: boolean = programs.every((program) => findProgram(program) !== undefined);

/** Its state, and the locks that its processes share. */
const folders = [
  ..."/etc/containers /var/lib/containers /var/cache/containers /run/containers /run/libpod".split(" "),
  ..."/var/lib/cni /dev/shm".split(" "),
];
/** What its containers' cgroups are under, for these are the machine's. */
const cgroup = "nktest-podman";

/** What is the same for all of it: netkit in netavark's place, or CNI, whose plugins and lists are where engines look for them. */
const settings = {
  netkit: "",
  cni: '[network]\nnetwork_backend = "cni"\ncni_plugin_dirs = ["/opt/cni/bin"]\nnetwork_config_dir = "/etc/cni/net.d"\n',
} as const;

/** A real Podman on a host of its own. It has no daemon; its state is in memory and goes with the host. */
export class PodmanEngine implements AsyncDisposable {
  readonly #host: Host;

  private constructor(host: Host) {
    this.#host = host;
  }

  /** With an image called `box`. */
  static async start(host: Host, backend: keyof typeof settings): Promise<PodmanEngine> {
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
default_capabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "NET_RAW", "SETGID", "SETUID"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
conmon_path = ["${findProgram("conmon")}"]
[engine.runtimes]
runc = ["${findProgram("runc")}"]
${settings[backend]}`,
    );
    if (backend === "netkit") await host.netkit("podman", "install", "--bin-dir", "/run/netkit/podman");
    await makeBox(host, "/var/lib/containers/box");
    await host.shell("tar -C /var/lib/containers/box -c . | podman import - box");
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
    await removeCgroups(this.#host, cgroup);
  }
}
