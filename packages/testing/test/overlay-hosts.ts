// Two hosts with an overlay network, on a wire that a third one is on, too.
import assert from "node:assert/strict";
import { createHost, ping, type Host } from "../src/index.ts";
import { OverlayHost, vtepAt, wireMtu, type OverlayBox, type OverlaySetting } from "./overlay-host.ts";

/** What the hosts see of each other's tunnels, counted by nft: a tool that knows nothing of netkit. */
const watch = String.raw`
table inet watch {
  counter tunnels {}
  counter full {}
  counter fragments {}
  counter asked {}
  counter strange {}
  chain in {
    type filter hook prerouting priority -450
    iifname "wire0" ip frag-off & 0x3fff != 0 counter name fragments
    iifname "wire0" exthdr frag exists counter name fragments
    iifname "wire0" udp dport 4789 counter name tunnels
    iifname "wire0" udp dport 4789 meta length ${wireMtu} counter name full
    iifname "wire0" udp dport 4789 @th,96,24 != 4096 counter name strange
    iifname "wire0" udp dport 4789 @th,224,16 0x0806 counter name asked
    iifname "wire0" udp dport 4789 @th,224,16 0x86dd @th,288,8 58 @th,560,8 133-137 counter name asked
  }
}
`;

export interface Overlay {
  readonly a: OverlayHost;
  readonly b: OverlayHost;
  /** A sandbox on a, whose port 80 is a's 8080, and one on b. */
  readonly one: OverlayBox;
  readonly two: OverlayBox;
  /** A third host on the same wire, where there is no netkit. */
  readonly stranger: Host;
}

/** Runs `work` on two hosts that share a network and a wire; then removes all, and checks both for leaks. */
export async function onOverlay(setting: OverlaySetting, work: (place: Overlay) => Promise<void>): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const { bridgeNetfilter } = setting;
  const wire = cleanup.use(await createHost());
  await wire.shell("ip link add wire type bridge; ip link set wire up");
  const plug = async (host: Host, number: number): Promise<void> => {
    await host.shell(
      `ip link add wire0 type veth peer name port${number} netns ${wire.name}
       ip address add ${vtepAt("ipv4", number)}/24 dev wire0
       ip -6 address add ${vtepAt("ipv6", number)}/64 dev wire0 nodad
       ip link set wire0 mtu ${wireMtu} up`,
    );
    await wire.shell(`ip link set port${number} master wire up`);
  };
  const start = async (number: number): Promise<OverlayHost> => {
    const host = cleanup.use(await createHost({ outside: true, bridgeNetfilter }));
    await plug(host, number);
    await host.exec(["nft", "-f", "-"], { input: watch });
    const made = cleanup.use(new OverlayHost(host, number, setting));
    await made.warmUp();
    return made;
  };
  const [a, b] = [await start(21), await start(22)];
  const stranger = cleanup.use(await createHost());
  await plug(stranger, 23);
  // The first packet over a new wire may take a second, and isn't the network's.
  for (const family of ["ipv4", "ipv6"] as const)
    for (const from of [b.host, stranger]) assert.ok(await ping(from, vtepAt(family, 21), 5), "the wire is broken");
  for (const host of [a, b]) await host.network();
  const [one, two] = [await a.sandbox(101, "8080:80"), await b.sandbox(102)];
  await a.join([...two.peers, ...b.peers]);
  await b.join([...one.peers, ...a.peers]);
  await work({ a, b, one, two, stranger });
  for (const host of [a, b]) await host.clear();
}
