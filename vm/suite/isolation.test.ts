import { localStores, virtualMachines, type Host, type Process } from "@netkit/testing/hosts";
import { describe, expect, test } from "vitest";
import { launch, onSharingHosts } from "./sharing.ts";
import { expectNotReached, expectReached, peer } from "./traffic.ts";

/** Looks at all that comes to a sandbox or leaves it, from now on. */
async function watch(host: Host, sandbox: string): Promise<Process> {
  const watching = host.start(["netkit", "exec", sandbox, "--", ..."tcpdump -Z root -enli any".split(" ")]);
  await watching.until(/^listening on/);
  return watching;
}

describe.skipIf(virtualMachines === undefined && localStores.length === 0)("networks", () => {
  test("packets of one are never seen in another, whoever they are for", async () => {
    await onSharingHosts(2, async ({ hosts }) => {
      const [a, b] = hosts as readonly [Host, Host];
      await a.shell(
        `netkit network create --driver overlay --subnet 10.0.9.0/24 n
         netkit network create --driver overlay --subnet 10.0.8.0/24 m`,
      );
      const all = hosts.map(
        async (host) =>
          await launch(host, peer(`n-${host.name}`, "--network n"), peer(`m-${host.name}`, "--network m")),
      );
      const [, theirs = {}] = await Promise.all(all);
      const [from, to, neighbour, other] = [`n-${a.name}`, `n-${b.name}`, `m-${a.name}`, `m-${b.name}`];
      await expectReached(a, from, { [to]: to });
      await expectReached(a, neighbour, { [other]: other });

      await using seenByNeighbour = await watch(a, neighbour);
      await using seenByOther = await watch(b, other);
      await using seen = await watch(b, to);
      const address = theirs[other]?.[0] ?? "";
      // Of the last nobody has the MAC; it goes to whom it is for all the same if frames are flooded.
      const attempts = [
        "ping -c2 -i0.2 -W0.2 -b 10.0.9.255",
        "ping -c2 -i0.2 -W0.2 224.0.0.1",
        "ping -c2 -i0.2 -W0.2 10.0.9.200",
        `ping -c2 -i0.2 -W0.2 ${address}`,
        `ip route add ${address} dev eth0`,
        `ping -c2 -i0.2 -W0.2 ${address}`,
        `ip neighbour add 10.0.9.201 lladdr 02:00:00:00:00:09 dev eth0`,
        "ping -c2 -i0.2 -W0.2 10.0.9.201",
      ];
      await a.exec(["netkit", "exec", from, "--", "sh", "-c", `${attempts.join("; ")}; true`]);
      await expectNotReached(a, from, other);
      await expectReached(a, from, { [to]: to });
      await expectReached(a, neighbour, { [other]: other });
      for (const one of [seenByNeighbour, seenByOther, seen]) {
        await one.kill("SIGTERM");
      }
      const foreign = /\b10\.0\.9\.|02:00:00:00:00:09/;
      for (const { lines } of [seenByNeighbour, seenByOther]) {
        expect(lines.filter((line) => foreign.test(line))).toEqual([]);
        expect(lines.join("\n")).toContain(address);
      }
      expect(seen.lines.filter((line) => foreign.test(line))).not.toEqual([]);
    });
  });
});
