import { etcdctl, etcdPrograms, etcdServer, spaceOf } from "@netkit/testing";
import { describe, expect, test } from "vitest";
import { onHosts, type Host } from "./host.ts";

let host: Host;
onHosts((given) => (host = given));

/** An agent with these options, once it serves; 'agent stop' ends it. */
function startAgent(...options: string[]): void {
  const script = `mkfifo ready && { "$@" --ready-fd 3 3>ready >agent.out 2>&1 </dev/null & } && read line <ready; rm ready; cat agent.out`;
  const started = host.attempt("sh", "-c", script, "sh", process.execPath, host.cli, "agent", ...options);
  expect(started).toEqual({ status: 0, stdout: "", stderr: "" });
}

test("a store is named by a URL of etcd, Consul or a file, and what is advertised needs one", () => {
  const { status, stderr } = host.netkit(["agent", "--store", "mysql://x"]);
  expect([status, stderr]).toEqual([
    2,
    expect.stringContaining("the store is neither of etcd nor of Consul, nor a file"),
  ]);
  expect(host.netkit(["agent", "--store", "etcd://x?prefixx=y"]).stderr).toContain("has no parameter");
  expect(host.netkit(["agent", "--advertise", "eth0"]).stderr).toContain("--advertise is for hosts that share a store");
  expect(host.ok("host", "ls", "-q")).toBe("");
});

describe.skipIf(etcdPrograms === undefined)("with etcd", () => {
  test("the agent's store is remembered: commands find it, with an agent or without, until it is 'local'", async () => {
    const space = spaceOf(host.path);
    await using server = etcdServer();
    const { serves } = space.within(() => ({ serves: server.start() }));
    await serves;
    startAgent("--store", "etcd://127.0.0.1:2379/mine/", "--advertise", "lo");
    host.ok("network", "create", "--driver", "overlay", "n");
    const keys = (): string => space.within(() => etcdctl(["get", "--prefix", "mine/network-name/", "--keys-only"]));
    expect(keys().trim()).toBe("mine/network-name/n");
    expect(host.ok("host", "ls", "--format", "{{.State}} {{.VTEP}} {{.This}}")).toBe("up 127.0.0.1 *\n");
    expect(JSON.parse(host.ok("agent", "status", "--json"))).toMatchObject({ shares: true, holdsLease: true });

    host.ok("agent", "stop");
    expect(host.ok("host", "ls", "--format", "{{.State}}")).toBe("down\n");
    // Another one is started for it.
    host.ok("network", "create", "--driver", "overlay", "m");
    expect(keys().trim().split(/\n+/)).toEqual(["mine/network-name/m", "mine/network-name/n"]);
    expect(host.ok("network", "rm", "n", "m")).toBe("n\nm\n");
    expect(keys()).toBe("");
    host.ok("agent", "stop");

    startAgent("--store", "local");
    host.ok("network", "create", "--driver", "overlay", "n");
    expect(keys()).toBe("");
    host.ok("network", "rm", "n");
  });
});
