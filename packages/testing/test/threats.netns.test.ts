// What a hostile root in a sandbox can't do to its neighbours.
import { describe, expect, test } from "vitest";
import { onOutsideHost, plain } from "./outside-host.ts";

const subnets = [{ subnet: "10.9.0.0/24" }, { subnet: "fd00:9::/64" }];

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
      const mac = (await liar.space.shell("cat /sys/class/net/eth0/address")).trim();
      await liar.space.shell("ip link set eth0 address 02:6e:0a:09:00:99");
      expect(await reaches(`ping -c1 -W1 ${v4}`)).toBe(passes);
      await liar.space.shell(`ip link set eth0 address ${mac}`);
    });
  });
});
