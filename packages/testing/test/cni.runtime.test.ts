import type { Snapshot } from "@netkit/conformance/lab";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Host } from "../src/hosts/index.ts";
import { openSegment, type Segment } from "../src/hosts/segment.ts";
import { Containerd, hasCnitool, hasContainerd, hasReferences, prepareEngines } from "./cni-engines.ts";
import { get } from "./http-get.ts";
import { hasPodman, PodmanEngine } from "./podman-engine.ts";

/** A web server. */
const web = ["sh", "-c", "echo web > /index.html; exec httpd -f -p 80 -h /"];

describe.skipIf(!hasContainerd && !hasPodman)("CNI", () => {
  let segment: Segment;
  let host: Host;
  let outside: Host;
  let before: Snapshot;

  const sandboxes = async (): Promise<string[]> =>
    (await host.netkit("sandbox", "ls", "--format", "{{.Name}}")).split("\n").filter((name) => name !== "");
  const addressOf = async (sandbox: string): Promise<string> =>
    (
      await host.netkit("sandbox", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", sandbox)
    ).trim();
  beforeAll(async () => {
    segment = await openSegment(2);
    [host, outside] = segment.hosts as [Host, Host];
    await host.netkit("network", "create", "--subnet", "10.7.0.0/24", "my-net");
    await prepareEngines(host, "my-net");
  });
  afterAll(async () => await segment[Symbol.asyncDispose]());
  beforeEach(async () => {
    before = await host.traces();
    await host.netkit("run", "-d", "--name", "plain", "--network", "my-net", "--", "sleep", "1000");
  });
  afterEach(async () => {
    await host.netkit("sandbox", "rm", "-f", "plain");
    await host.netkit("doctor");
    await host.netkit("agent", "stop");
    const left = [...(await sandboxes()), ...(await host.differences(before))];
    if (left.length > 0) throw new Error(`this is left:\n${left.join("\n")}`);
  });

  test.skipIf(!hasContainerd)(
    "a container of containerd is on the network, by address and name, until it ends",
    async () => {
      await using containerd = await Containerd.start(host);
      // It calls its containers by their namespace, too.
      const container = containerd.run("box1", "sleep", "1000");
      await host.until("netkit sandbox inspect default-box1");
      await host.until("netkit exec plain -- ping -c 1 -W 2 default-box1");
      const address = await addressOf("default-box1");
      expect(address).toMatch(/^10\.7\.0\./);
      expect(await containerd.exec("box1", "ip", "-o", "-4", "address")).toContain(`${address}/24`);
      await containerd.exec("box1", "ping", "-c", "1", "-W", "2", "plain");
      await containerd.exec("box1", "ping", "-c", "1", "-W", "2", outside.address);
      expect(await host.netkit("network", "inspect", "my-net")).toContain("default-box1");
      await containerd.kill("box1");
      await container.ended;
      expect(await sandboxes()).toEqual(["plain"]);
    },
  );

  test.skipIf(!hasContainerd)(
    "containerd's list with the reference bridge before netkit and others after it",
    async () => {
      await using containerd = await Containerd.start(host);
      const ipam = { type: "host-local", ranges: [[{ subnet: "10.99.0.0/24" }]], dataDir: "/var/lib/cni/networks" };
      const plugins = [
        { type: "bridge", bridge: "cni-test0", isDefaultGateway: true, ipam },
        { type: "netkit", network: "my-net" },
        { type: "tuning", mac: "02:00:00:00:00:88" },
        { type: "firewall", backend: "iptables", iptablesAdminChainName: "ADMIN" },
      ];
      // It takes the first list by name.
      await host.write(
        "/etc/cni/net.d/05-chain.conflist",
        JSON.stringify({ cniVersion: "1.0.0", name: "chain", plugins }),
      );
      const container = containerd.run("box1", "sleep", "1000");
      await host.until("netkit exec plain -- ping -c 1 -W 2 default-box1");
      expect(await containerd.exec("box1", "ip", "-o", "address")).toContain(await addressOf("default-box1"));
      expect(await addressOf("default-box1")).toBe("10.99.0.2");
      expect(await containerd.exec("box1", "ip", "-o", "link")).toContain("02:00:00:00:00:88");
      expect(await containerd.exec("box1", "nslookup", "plain")).toContain(await addressOf("plain"));
      expect(await host.netkit("doctor")).toContain("all is well");
      await containerd.kill("box1");
      await container.ended;
      expect(await sandboxes()).toEqual(["plain"]);
      await host.remove("/etc/cni/net.d/05-chain.conflist");
      await host.shell("ip link del cni-test0; nft flush ruleset; netkit doctor --repair >&2");
    },
  );

  test.skipIf(!hasCnitool)(
    "cnitool, which is libcni verb by verb: a list with ports, what differs, and twice",
    async () => {
      const space = "/run/netns/libcni";
      const capabilities = JSON.stringify({ portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] });
      const words = [
        "env",
        "CNI_PATH=/opt/cni/bin",
        "NETCONFPATH=/etc/cni/net.d",
        `CAP_ARGS=${capabilities}`,
        "cnitool",
      ];
      const cnitool = async (verb: string): Promise<string> => await host.exec([...words, verb, "libcni", space]);
      const refusal = async (verb: string): Promise<string> => {
        const { status, stderr } = await host.run([...words, verb, "libcni", space]);
        return `${status} ${stderr}`;
      };
      const plugins = [
        { type: "netkit", network: "my-net", capabilities: { portMappings: true } },
        { type: "tuning", mac: "02:00:00:00:00:77" },
      ];
      await host.write(
        "/etc/cni/net.d/50-libcni.conflist",
        JSON.stringify({ cniVersion: "1.0.0", name: "libcni", plugins }),
      );
      await host.shell("ip netns add libcni && ip -n libcni link set lo up");
      const result = JSON.parse(await cnitool("add")) as { readonly ips: readonly { readonly address: string }[] };
      const [address = ""] = result.ips[0]?.address.split("/") ?? [];
      await host.netkit("exec", "plain", "--", "ping", "-c", "1", "-W", "2", address);
      expect(await host.exec("ip -n libcni -o link show eth0".split(" "))).toContain("02:00:00:00:00:77");
      await using server = host.start(["ip", "netns", "exec", "libcni", "busybox", ...web]);
      await host.until("wget -q -O /dev/null http://127.0.0.1:8080/");
      expect(await get(outside, `http://${host.address}:8080/`)).toBe("web");
      await server.kill("SIGKILL");
      await cnitool("check");
      expect(await refusal("add")).toContain("eth0");
      await cnitool("check");
      await host.exec(["ip", "-n", "libcni", "address", "del", `${address}/24`, "dev", "eth0"]);
      expect(await refusal("check")).toMatch(new RegExp(`^1 .*${address}`, "s"));
      for (const _ of ["once", "and again"]) await cnitool("del");
      expect(await host.exec(["ip", "-n", "libcni", "-o", "link"])).not.toContain("eth0");
      expect(await sandboxes()).toEqual(["plain"]);
      await host.shell("ip netns del libcni; rm /etc/cni/net.d/50-libcni.conflist");
    },
  );

  test.skipIf(!hasPodman || !hasReferences)(
    "a container of Podman is on the network, by address, name and ports, until it is removed",
    async () => {
      await using engine = await PodmanEngine.start(host, "cni");
      await engine.run(
        "--name",
        "web",
        "--network",
        "my-net",
        "-p",
        "8080:80",
        "--network-alias",
        "www",
        "box",
        ...web,
      );
      await engine.run("--name", "other", "--network", "my-net", "--ip", "10.7.0.77", "box", "sleep", "1000");
      for (const name of ["web", "www", "other"])
        await host.netkit("exec", "plain", "--", "ping", "-c", "1", "-W", "2", name);
      for (const name of ["plain", "other", outside.address])
        await engine.podman("exec", "web", "ping", "-c", "1", "-W", "2", name);
      expect(await engine.podman("exec", "other", "ip", "-o", "-4", "address")).toContain("10.7.0.77/24");
      expect(await get(host, "http://127.0.0.1:8080/")).toBe("web");
      for (const from of [host, outside]) expect(await get(from, `http://${host.address}:8080/`)).toBe("web");
      expect(await host.netkit("port", "ls")).toMatch(/80\/tcp +0\.0\.0\.0:8080/);
      await engine.podman("restart", "-t", "0", "web");
      await host.until("netkit exec plain -- ping -c 1 -W 2 web");
      expect(await get(outside, `http://${host.address}:8080/`)).toBe("web");
      await engine.podman("rm", "-f", "-t", "0", "web", "other");
      expect(await host.netkit("port", "ls")).not.toContain("8080");
      expect(await sandboxes()).toEqual(["plain"]);
    },
  );

  test.skipIf(!hasPodman || !hasReferences)(
    "Podman reloads, disconnects and connects a container that runs, whose ports it holds by sockets",
    async () => {
      await host.netkit("network", "create", "--subnet", "10.8.0.0/24", "net2");
      await host.netkit("cni", "install", "--network", "net2");
      await using engine = await PodmanEngine.start(host, "cni");
      const isServed = async (): Promise<void> => {
        for (const from of [host, outside]) expect(await get(from, `http://${host.address}:8080/`)).toBe("web");
      };
      await engine.run("--name", "web", "--network", "my-net", "-p", "8080:80", "--ip", "10.7.0.44", "box", ...web);
      await engine.podman("network", "reload", "web");
      await isServed();
      expect(await engine.podman("exec", "web", "ip", "-o", "-4", "address")).toContain("10.7.0.44/24");
      await engine.podman("network", "connect", "net2", "web");
      await isServed();
      expect(await engine.podman("exec", "web", "ip", "-o", "-4", "address")).toMatch(/10\.8\.0\.\d+\/24/);
      await engine.podman("network", "disconnect", "my-net", "web");
      await engine.podman("network", "reload", "web");
      await isServed();
      await engine.podman("network", "connect", "my-net", "web");
      await engine.podman("network", "disconnect", "net2", "web");
      await engine.podman("network", "disconnect", "my-net", "web");
      await engine.podman("network", "connect", "my-net", "web");
      await isServed();
      expect(await host.netkit("doctor")).toContain("all is well");
      await engine.podman("rm", "-f", "-t", "0", "web");
      await engine.run("--name", "both", "--network", "my-net,net2", "-p", "8080:80", "box", ...web);
      await isServed();
      await engine.podman("rm", "-f", "-t", "0", "both");
      expect(await sandboxes()).toEqual(["plain"]);
      await host.netkit("cni", "uninstall", "--name", "net2");
      await host.netkit("network", "rm", "net2");
    },
  );
});
