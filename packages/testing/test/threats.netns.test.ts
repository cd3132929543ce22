// What a hostile root in a sandbox can't do to its neighbours.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { keyOf, parseIp, type Resource } from "@netkit/core";
import { announce } from "@netkit/kernel";
import { firewallHandler } from "@netkit/netfilter";
import { openNetlink } from "@netkit/netlink";
import { describe, expect, test } from "vitest";
import { hostIpv4, outsideIpv4, reach, type Space } from "../src/index.ts";
import { onOutsideHost, plain, settings } from "./outside-host.ts";

const subnets = [{ subnet: "10.9.0.0/24" }, { subnet: "fd00:9::/64" }];

const macOf = async (space: Space): Promise<string> =>
  /ether (\S+)/.exec(await space.shell("ip -o link show dev eth0"))?.[1] ?? "";

describe.each([
  ["is held to its own MAC and addresses", "true", false],
  ["passes for others where spoof-check is off", "false", true],
])("a sandbox %s", (_, check, passes) => {
  test("by the source of IPv4 and IPv6, and by MAC", async () => {
    await onOutsideHost(plain, async ({ netkit, open }) => {
      await netkit.networks.create({ name: "n", subnets, options: { "spoof-check": check } });
      const [liar, victim] = [await open("n"), await open("n")];
      const [v4 = "", v6 = ""] = victim.addresses;
      const reaches = async (command: string): Promise<boolean> =>
        (await liar.space.shell(`${command} >/dev/null 2>&1 && echo yes || echo no`)).trim() === "yes";
      expect(await reaches(`ping -c1 -W1 ${v4}`)).toBe(true);
      expect(await reaches(`ping -c1 -W1 ${v6}`)).toBe(true);
      await liar.space.shell("ip address add 10.9.0.77/24 dev eth0; ip address add fd00:9::77/64 dev eth0 nodad");
      expect(await reaches(`ping -c1 -W1 -I 10.9.0.77 ${v4}`)).toBe(passes);
      expect(await reaches(`ping -c1 -W1 -I fd00:9::77 ${v6}`)).toBe(passes);
      // Its own are its own still.
      expect(await reaches(`ping -c1 -W1 -I ${liar.addresses[0] ?? ""} ${v4}`)).toBe(true);
      expect(await reaches(`ping -c1 -W1 -I ${liar.addresses[1] ?? ""} ${v6}`)).toBe(true);
      const mac = await macOf(liar.space);
      await liar.space.shell("ip link set eth0 address 02:6e:0a:09:00:99");
      expect(await reaches(`ping -c1 -W1 ${v4}`)).toBe(passes);
      await liar.space.shell(`ip link set eth0 address ${mac}`);
    });
  });

  test("by what ARP and neighbour advertisements say whose an address is", async () => {
    await onOutsideHost(plain, async ({ netkit, open }) => {
      await netkit.networks.create({ name: "n", subnets, options: { "spoof-check": check } });
      const [liar, victim, peer] = [await open("n"), await open("n"), await open("n")];
      const known = async (address: string): Promise<string | undefined> =>
        /lladdr (\S+)/.exec(await peer.space.shell(`ip neighbour show to ${address} dev eth0`))?.[1];
      const wanted = await macOf(passes ? liar.space : victim.space);
      for (const address of victim.addresses) {
        await peer.space.shell(`ping -c1 -W2 ${address}`);
        expect(await known(address)).toBe(await macOf(victim.space));
        await liar.space.shell(`ip address add ${address} dev eth0 ${address.includes(":") ? "nodad" : ""}`);
      }
      using host = openNetlink();
      announce(host, liar.sandbox.netns ?? "", { link: "eth0", addresses: victim.addresses });
      // What comes after it has gone the same way: then it has arrived, or never will.
      await liar.space.shell(`ping -c1 -W2 ${peer.addresses[0] ?? ""}`);
      for (const address of victim.addresses) expect(await known(address)).toBe(wanted);
    });
  });
});

test("what a sandbox proved by one packet the next ones don't prove again, and each does where that can't be kept", async () => {
  await onOutsideHost(plain, async ({ host, netkit, open }) => {
    await netkit.networks.create({ name: "n", subnets });
    const [own, peer] = [await open("n"), await open("n")];
    const at = host.spaces["host"] ?? raise();
    const table = (await at.shell("nft list tables bridge")).trim().replace(/^table /, "");
    const kept = async (address = ""): Promise<number> =>
      Number(await at.shell(`nft list set ${table} proved | grep -Fc -- '. ${address}' || true`));
    const reaches = async (source: string): Promise<boolean> =>
      (await own.space.shell(`ping -c1 -W1 -I ${source} ${to} >/dev/null 2>&1 && echo yes || echo no`)).trim() ===
      "yes";
    const [[from = ""], [to = ""]] = [own.addresses, peer.addresses];
    await own.space.shell("ip address add 10.9.0.77/24 dev eth0");
    // So that the neighbour is known by the time that somebody else's address asks for it.
    await expect.poll(async () => await reaches(from), { timeout: 10_000 }).toBe(true);
    await at.shell(`nft flush set ${table} proved`);
    expect(await kept(from)).toBe(0);
    expect(await reaches("10.9.0.77")).toBe(false);
    expect(await reaches(from)).toBe(true);
    expect([await kept("10.9.0.77"), await kept(from), await kept(to)]).toEqual([0, 1, 1]);
    await at.shell(`nft flush set ${table} proved
      awk 'BEGIN { printf "add element ${table} proved { "; for (i = 0; i < 65536; i++) printf "%s1000000 . 172.16.%d.%d", i ? ", " : "", i / 256, i % 256; print " }" }' | nft -f -`);
    expect(await reaches(from)).toBe(true);
    expect(await kept(from)).toBe(0);
    expect(await reaches("10.9.0.77")).toBe(false);
  });
});

/** RFC 7348. */
const port = 4789;

describe.each(settings)("with $firewall, bridge-nf-call $bridgeNetfilter", (setting) => {
  test("nothing that a sandbox sends is a tunnel of this host's, nor one to it", async () => {
    await onOutsideHost(setting, async ({ host, outside, netkit, open }) => {
      await netkit.networks.create({ name: "n", subnets });
      const { space } = await open("n");
      const resource: Resource = { kind: "untracked", ns: "host", address: parseIp(hostIpv4), port };
      const owner = { type: "network", id: "f".repeat(64), name: "overlay" } as const;
      const tunnels = { key: keyOf(resource), resource, owner };
      const context = { mark: netkit.instance.mark, namespacePath: (id: string) => id, onRequest: undefined };
      const firewall = firewallHandler(context, { backend: setting.firewall });
      await using stack = new AsyncDisposableStack();
      stack.use(await answerAt(host.spaces["host"] ?? raise(), hostIpv4));
      stack.use(await answerAt(outside, outsideIpv4));
      const answers = async (from: Space, address: string): Promise<string> =>
        (await reach(from, { protocol: "udp", address, port }, 500)).status;
      const all = async (): Promise<string[]> => [
        await answers(outside, hostIpv4),
        await answers(space, hostIpv4),
        await answers(space, outsideIpv4),
      ];
      expect(await all()).toEqual(["ok", "ok", "ok"]);
      await firewall.apply([{ op: "create", ...tunnels }]);
      expect(await all()).toEqual(["ok", "timeout", "timeout"]);
      await firewall.apply([{ op: "remove", ...tunnels }]);
      firewall.close();
    });
  });
});

/** Answers from the very address that it is asked at. */
async function answerAt(space: Space, address: string): Promise<AsyncDisposable> {
  using _ = space.enter();
  const socket = createSocket("udp4");
  socket.on("message", (_message, from) => socket.send("here", from.port, from.address));
  socket.bind(port, address);
  await once(socket, "listening");
  return { [Symbol.asyncDispose]: async () => void (await once(socket.close(), "close")) };
}

function raise(): never {
  throw new Error("the host has no space of its own");
}
