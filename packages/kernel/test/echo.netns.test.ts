// Who answers, and whether whole packets get there: observed beside iproute2 and a firewall that drops.
import { parseIp } from "@netkit/core";
import { expect, test } from "vitest";
import { echo, type EchoRequest } from "../src/index.ts";
import { sh, TestHost } from "./host.ts";

const ask = (source: string, destination: string, bytes?: number): EchoRequest => ({
  source: parseIp(source),
  destination: parseIp(destination),
  ...(bytes === undefined ? {} : { bytes }),
});

const answered = { ms: expect.any(Number) as number, sent: 1 };

test("many are asked at once, of both families, and each answer is told", async () => {
  using _ = new TestHost();
  const told: number[] = [];
  const requests = Array.from({ length: 300 }, (__, index) =>
    ask("127.0.0.1", `127.0.${index >> 7}.${index & 127 || 1}`),
  );
  const started = performance.now();
  const results = await echo([...requests, ask("::1", "::1"), ask("::1", "::1", 1500)], {
    timeoutMs: 10_000,
    onAnswer: (count) => void told.push(count),
  });
  expect(results).toEqual(results.map(() => answered));
  expect(told.at(-1)).toBe(302);
  expect(performance.now() - started).toBeLessThan(5_000);
});

test("whole packets get as far as the link takes them, and who can't send says why", async () => {
  using host = new TestHost();
  const { name } = host.sandbox();
  sh(`ip link add up0 mtu 1400 type veth peer name eth0 netns ${name}
      ip address add 192.0.2.1/24 dev up0; ip address add 2001:db8::1/64 dev up0 nodad; ip link set up0 up
      ip -n ${name} address add 192.0.2.2/24 dev eth0; ip -n ${name} address add 2001:db8::2/64 dev eth0 nodad
      ip -n ${name} link set eth0 mtu 1400 up`);
  const [small, large] = [1400, 1401];
  const results = await echo(
    [
      ask("192.0.2.1", "192.0.2.2", small),
      ask("2001:db8::1", "2001:db8::2", small),
      ask("192.0.2.1", "192.0.2.2", large),
      ask("2001:db8::1", "2001:db8::2", large),
      ask("192.0.2.9", "192.0.2.2"),
      ask("192.0.2.1", "192.0.2.99"),
    ],
    // A link's carrier may be news for a second (net/core/link_watch.c), and a neighbour is asked for again after one.
    { timeoutMs: 3_500 },
  );
  const whole = { ms: expect.any(Number) as number, sent: expect.any(Number) as number };
  expect(results.slice(0, 2)).toEqual([whole, whole]);
  expect(results.slice(2, 5).map(({ error, ms }) => [error, ms])).toEqual([
    ["EMSGSIZE", undefined],
    ["EMSGSIZE", undefined],
    ["EADDRNOTAVAIL", undefined],
  ]);
  expect(results[5]?.ms).toBeUndefined();
});

test("a way that has been too narrow is tried anew, whatever the kernel remembers of it", async () => {
  using host = new TestHost();
  const [{ name: router }, { name: far }] = [host.sandbox(), host.sandbox()];
  sh(`ip link add up0 type veth peer name eth0 netns ${router}; ip -n ${router} link add far type veth peer name eth0 netns ${far}
      ip address add 192.0.2.1/24 dev up0; ip link set up0 up; ip route add 198.51.100.0/24 via 192.0.2.2
      ip -n ${router} address add 192.0.2.2/24 dev eth0; ip -n ${router} link set eth0 up
      ip -n ${router} address add 198.51.100.1/24 dev far; ip -n ${router} link set far mtu 1400 up
      ip netns exec ${router} sysctl -qw net.ipv4.ip_forward=1
      ip -n ${far} address add 198.51.100.2/24 dev eth0; ip -n ${far} link set eth0 up
      ip -n ${far} route add default via 198.51.100.1`);
  const whole = ask("192.0.2.1", "198.51.100.2", 1500);
  const [narrow] = await echo([whole], { timeoutMs: 1_500 });
  expect(narrow).toMatchObject({ error: "EMSGSIZE" });
  sh(`ip -n ${router} link set far mtu 1500`);
  expect(sh("ip route get 198.51.100.2")).toContain("mtu 1400");
  expect(await echo([whole], { timeoutMs: 5_000 })).toEqual([answered]);
});

test("what is lost is sent again, and whoever gives up is heard", async () => {
  using _ = new TestHost();
  sh("nft 'add table ip cut; add chain ip cut in { type filter hook input priority 0; }'");
  sh(
    "nft add rule ip cut in icmp type echo-request limit rate over 1/hour burst 1 packets accept; nft add rule ip cut in icmp type echo-request drop",
  );
  expect(await echo([ask("127.0.0.1", "127.0.0.1")], { timeoutMs: 5_000 })).toEqual([
    { ms: expect.any(Number), sent: 2 },
  ]);
  sh("nft flush chain ip cut in; nft add rule ip cut in icmp type echo-request drop");
  const signal = AbortSignal.timeout(200);
  await expect(echo([ask("127.0.0.1", "127.0.0.1")], { timeoutMs: 20_000, signal })).rejects.toMatchObject({
    code: "CANCELLED",
  });
});
