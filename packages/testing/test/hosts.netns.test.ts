// The hosts that tests of several hosts run on, and what those tests find with them.
import { describe, expect, test } from "vitest";
import { onSite, sshMachine, type Host } from "../src/hosts/index.ts";

async function ping(from: Host, to: Host): Promise<number | undefined> {
  return (await from.run(["ping", "-c1", "-W1", to.address])).status;
}

test("words come to another machine as they are", async () => {
  const words = ["a b", "it's", "$HOME", "*", "", 'say "x"', "two\nlines", String.raw`\n`];
  // What ssh does on the other side with the one word that it is given.
  const machine = sshMachine("other", ["sh", "-c"]);
  expect(await machine.exec(["printf", String.raw`%s\0`, ...words])).toBe(`${words.join("\0")}\0`);
  await expect(machine.exec(["sh", "-c", "echo no >&2; exit 3"])).rejects.toThrow("exited with 3 on other:\nno");
});

describe("hosts in namespaces", () => {
  test("reach each other unless one is cut off; and one dies with all its processes", async () => {
    await onSite(2, async ({ hosts }) => {
      const [a, b] = hosts as readonly [Host, Host];
      expect(await Promise.all(hosts.map(async (host) => await host.exec(["hostname"])))).toEqual(["h1\n", "h2\n"]);
      expect(await ping(a, b)).toBe(0);
      await b.cut();
      expect([await ping(a, b), await ping(b, a)]).toEqual([1, 1]);
      await b.heal();
      expect(await ping(b, a)).toBe(0);
      const process = b.start(["sh", "-c", "echo up; exec sleep 1000"]);
      await process.until(/^up$/);
      await b.die();
      await process.ended;
      expect(await ping(a, b)).toBe(1);
    });
  });

  test("are compared with what they were: links, addresses, routes, rules, settings, namespaces, files", async () => {
    await onSite(1, async ({ hosts: [host], differences }) => {
      await host?.shell(
        `ip link add left0 type bridge
         ip address add 10.9.9.9/32 dev lo
         ip route add blackhole 10.8.0.0/24
         nft add table inet left
         echo 0 > /proc/sys/net/ipv4/conf/up0/send_redirects
         ip netns add left
         echo x > /var/lib/netkit/left`,
      );
      const found = await differences();
      for (const what of [
        "links: + .*left0",
        "addresses: + .*10.9.9.9",
        "10.8.0.0/24",
        "nft: + .*left",
        "send_redirects",
      ])
        expect(found).toContainEqual(expect.stringMatching(what.replace("+", String.raw`\+`)));
      for (const path of ["/run/netns/left", "/var/lib/netkit/left"])
        expect(found).toContain(`files of h1 files: + ${path}`);
      await host?.shell(
        `ip link del left0; ip address del 10.9.9.9/32 dev lo; ip route del blackhole 10.8.0.0/24; nft delete table inet left
         echo 1 > /proc/sys/net/ipv4/conf/up0/send_redirects; ip netns del left; rm /var/lib/netkit/left`,
      );
      expect(await differences()).toEqual([]);
    });
  });

  test("have nobody wait for processes that lose their parent: they are gone when they end", async () => {
    await onSite(1, async ({ hosts: [host] }) => {
      const pid = await host?.shell("sleep 1000 >/dev/null 2>&1 & echo $!");
      await host?.shell(`kill ${pid}`);
      await host?.until(`! [ -e /proc/${pid?.trim()} ]`);
      expect(await host?.exec(["ps", "-e", "-o", "stat="])).not.toContain("Z");
    });
  });
});
