import type { Snapshot } from "@netkit/conformance/lab";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openSegment, type Segment } from "../src/hosts/segment.ts";
import type { Host, Outcome } from "../src/hosts/index.ts";
import { findProgram } from "../src/servers/program.ts";

const hasPodman = ["podman", "conmon", "runc", "busybox"].every((name) => findProgram(name) !== undefined);

/** What its containers' cgroups are under, for these are the machine's. */
const cgroup = "nktest-podman-guests";
const folders =
  "/var/lib/engines /var/lib/containers /var/lib/cni /var/cache/containers /etc/cni /run/containers".split(" ");
/** Its own settings and storage: netkit calls it as anybody does, by its name alone. */
const settings = [
  "CONTAINERS_CONF=/var/lib/engines/containers.conf",
  "CONTAINERS_STORAGE_CONF=/var/lib/engines/storage.conf",
];

describe.skipIf(!hasPodman)("Podman", () => {
  let segment: Segment;
  let host: Host;
  let outside: Host;
  let before: Snapshot;

  const podman = async (...words: readonly string[]): Promise<string> =>
    (await host.exec(["env", ...settings, "podman", ...words])).trim();
  const network = async (...words: readonly string[]): Promise<Outcome> =>
    await host.run(["env", ...settings, "netkit", "network", ...words]);
  const start = async (name: string, ...options: readonly string[]): Promise<string> =>
    await podman("run", "-d", "--name", name, "--cgroup-parent", `/${cgroup}`, ...options, "box", "sleep", "1000");

  beforeAll(async () => {
    segment = await openSegment(2);
    [host, outside] = segment.hosts as [Host, Host];
    await host.shell(folders.map((folder) => `mkdir -p ${folder}; mount -t tmpfs tmpfs ${folder}`).join("\n"));
    await host.write(
      "/var/lib/engines/containers.conf",
      `[containers]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "runc"
tmp_dir = "/run/containers/libpod"
conmon_path = ["${findProgram("conmon")}"]
[engine.runtimes]
runc = ["${findProgram("runc")}"]
[network]
network_backend = "cni"
`,
    );
    await host.write(
      "/var/lib/engines/storage.conf",
      '[storage]\ndriver = "vfs"\ngraphroot = "/var/lib/engines/storage"\nrunroot = "/run/containers/storage"\n',
    );
    await host.write("/var/lib/engines/policy.json", '{ "default": [{ "type": "insecureAcceptAnything" }] }');
    await host.shell(
      `mkdir -p /var/lib/engines/box/bin && cd /var/lib/engines/box && cp "$(command -v busybox)" bin/busybox
       for applet in sh ping sleep ip cat; do ln -s busybox bin/$applet; done
       tar -c . > ../box.tar`,
    );
    await podman("import", "--signature-policy", "/var/lib/engines/policy.json", "/var/lib/engines/box.tar", "box");
  }, 120_000);
  afterAll(async () => {
    await host.shell(
      `find /sys/fs/cgroup -depth -type d '(' -name ${cgroup} -o -path '*/${cgroup}/*' ')' -exec rmdir {} +`,
    );
    await segment[Symbol.asyncDispose]();
  });
  beforeEach(async () => (before = await host.traces()));
  afterEach(async () => {
    await podman("rm", "--all", "--force", "--time", "0");
    await host.shell("netkit sandbox ls -q | xargs -r netkit sandbox rm -f");
    await host.netkit("doctor");
    await host.shell("netkit network prune -f >&2; netkit agent stop");
    const left = await host.differences(before);
    if (left.length > 0) throw new Error(`this is left:\n${left.join("\n")}`);
  });

  test("a container that runs gets an interface, until that or the container goes", async () => {
    await host.netkit("network", "create", "--subnet", "10.84.0.0/24", "mine");
    await host.netkit("run", "-d", "--name", "sandbox", "--network", "mine", "--", "sleep", "1000");
    const id = await start("db", "--network", "none", "--hostname", "base");
    const files = ["exec", "db", "cat", "/etc/hosts", "/etc/hostname"];
    const unchanged = await podman(...files);
    expect(await network("connect", "--alias", "sql", "mine", "podman://db")).toMatchObject({ status: 0, stderr: "" });
    for (const name of ["db", "sql", "base", id.slice(0, 12)])
      await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", name);
    for (const address of ["10.84.0.2", outside.address])
      await podman("exec", "db", "ping", "-c", "1", "-W", "2", address);
    expect(await podman(...files)).toBe(unchanged);
    expect(await host.netkit("sandbox", "ls", "--format", "{{.Name}} {{.State}} {{.Labels}}")).toContain(
      `db running netkit.guest=podman://${id}\n`,
    );
    expect(await host.netkit("doctor")).toContain("all is well");
    expect(await network("disconnect", "mine", `podman://${id.slice(0, 12)}`)).toMatchObject({ status: 0, stderr: "" });
    expect(await podman("exec", "db", "ip", "-o", "link")).not.toContain("nk0");
    expect(await network("connect", "mine", "podman://db")).toMatchObject({ status: 0, stderr: "" });
    await podman("kill", "db");
    await host.until('test "$(netkit sandbox ls --format {{.Name}})" = sandbox');
  });

  test("what can't be connected is told", async () => {
    await host.netkit("network", "create", "mine");
    await podman("create", "--name", "idle", "--network", "none", "box", "sleep", "1000");
    await start("bare", "--network", "host");
    for (const [name, status, why] of [
      ["nobody", 3, "Podman has no container 'nobody'"],
      ["idle", 3, "podman start idle"],
      ["bare", 4, "the host's own namespace"],
    ] as const)
      expect(await network("connect", "mine", `podman://${name}`)).toMatchObject({
        status,
        stderr: expect.stringContaining(why),
      });
    const words = ["env", ...settings, "netkit", "__complete", "network", "connect", "mine", "podman://"];
    expect(await host.exec(words)).toBe("podman://bare\n");
  });
});
