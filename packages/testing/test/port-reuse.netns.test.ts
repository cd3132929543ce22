// Published ports that come back, one of two that are alike, and addresses that are none.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { hostIpv4, outsideIpv4, reach, serve, type Space } from "../src/index.ts";
import { onOutsideHost, plain } from "./outside-host.ts";
import { answer } from "./questions.ts";

/** Leaves a connection of the port in TIME_WAIT: whoever closes first has it. */
async function linger(space: Space, port: number): Promise<void> {
  using _ = space.enter();
  const server = createServer((socket) => socket.end()).listen(port);
  await once(server, "listening");
  await once(connect({ port }).resume(), "close");
  await once(server.close(), "close");
  expect(await space.exec(["ss", "-Htan", "state", "time-wait", "sport", "=", `:${port}`])).toContain(`:${port}`);
}

test("a port whose last connections are still in TIME_WAIT is published at once, and again by the next sandbox", async () => {
  await onOutsideHost(plain, async ({ host, outside, netkit, open }) => {
    await netkit.networks.create({ name: "n", ipv6: true });
    await linger(host, 8080);
    for (const round of ["first", "second"]) {
      const web = await open({ network: "n", publish: ["8080:80"] });
      await using _ = await serve(web.space, 80);
      expect(await answer(outside, hostIpv4, 8080), round).toBe(outsideIpv4);
      expect(await answer(host, "127.0.0.1", 8080), round).not.toMatch(/refused|timeout/);
      await web.sandbox.close();
    }
  });
});

test("of two ports that differ in the protocol, the address or the family alone, one goes and the other stays", async () => {
  await onOutsideHost(plain, async ({ host, netkit, open }) => {
    await netkit.networks.create({ name: "n", ipv6: true, subnets: [{ subnet: "fd00:9::/64" }] });
    const specs = [
      "8080:80",
      "8080:80/udp",
      "127.0.0.1:8081:80",
      "127.0.0.2:8081:80",
      "0.0.0.0:8082:80",
      "[::]:8082:80",
    ];
    const web = await open({ network: "n", publish: specs });
    await using _ = await serve(web.space, 80);
    const targets = [
      { protocol: "tcp", address: "127.0.0.1", port: 8080 },
      { protocol: "udp", address: "127.0.0.1", port: 8080 },
      { protocol: "tcp", address: "127.0.0.1", port: 8081 },
      { protocol: "tcp", address: "127.0.0.2", port: 8081 },
      { protocol: "tcp", address: "127.0.0.1", port: 8082 },
      { protocol: "tcp", address: "fd00:9::1", port: 8082 },
    ] as const;
    const reached = async (): Promise<boolean[]> => {
      const found: boolean[] = [];
      for (const target of targets) found.push((await reach(host, target, 400)).status === "ok");
      return found;
    };
    expect(await reached()).toEqual(targets.map(() => true));
    await web.sandbox.unpublish("n", ["8080:80/udp", "127.0.0.1:8081:80", "0.0.0.0:8082:80"]);
    expect(await reached()).toEqual([true, false, false, true, false, true]);
    await web.sandbox.publish("n", ["8080:80/udp", "127.0.0.1:8081:80", "0.0.0.0:8082:80"]);
    await web.sandbox.unpublish("n", ["8080:80/tcp", "127.0.0.2:8081:80", "[::]:8082:80"]);
    expect(await reached()).toEqual([false, true, true, false, true, false]);
  });
});

test("a host address that is none, or none of the host's, is refused with what would do, and nothing is left", async () => {
  await onOutsideHost(plain, async ({ host, netkit, open }) => {
    await netkit.networks.create({ name: "n" });
    const left = async (): Promise<string> => await host.shell("nft list ruleset; ip -o link | cut -d: -f2");
    const before = await left();
    for (const [address, code] of [
      ["999.1.1.1", "PORT_INVALID"],
      ["1.2.3", "PORT_INVALID"],
      ["[fe80::1%eth0]", "PORT_INVALID"],
      ["192.0.2.77", "PORT_INVALID"],
      ["[::1]", "UNSUPPORTED"],
    ]) {
      const publish = ["7000:80", `${address}:8080:80`];
      const hint = expect.stringMatching(/./);
      await expect(open({ network: "n", publish }), address).rejects.toMatchObject({ code, hint });
    }
    expect(await left()).toBe(before);
    expect(await netkit.sandboxes.list()).toEqual([]);
    await open({ network: "n", publish: ["7000:80", "8080:80"] });
  });
});

test("a sandbox whose namespace was deleted is removed with its ports and addresses, which others get at once", async () => {
  await onOutsideHost(plain, async ({ host, outside, netkit, open }) => {
    await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
    const before = await host.shell("nft list ruleset");
    const gone = await open({ network: "n", ip: "10.9.0.7", publish: ["8080:80"] });
    await host.exec(["ip", "netns", "del", gone.sandbox.netns?.split("/").at(-1) ?? ""]);
    await netkit.sandboxes.remove(gone.sandbox.id);
    expect(await host.shell("nft list ruleset")).toBe(before);
    const next = await open({ network: "n", ip: "10.9.0.7", publish: ["8080:80"] });
    await using _ = await serve(next.space, 80);
    expect(await answer(outside, hostIpv4, 8080)).toBe(outsideIpv4);
  });
});

test("a sandbox whose process has ended keeps its addresses and ports, whoever comes meanwhile", async () => {
  await onOutsideHost(plain, async ({ netkit, open }) => {
    await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/29" }] });
    const { sandbox } = await open({ network: "n", ip: "10.9.0.3", publish: ["8080:80"] });
    await (
      await sandbox.start(["true"], { stdio: "ignore" })
    ).exited;
    expect((await sandbox.inspect()).state).toBe("exited");
    await expect(open({ network: "n", publish: ["8080:80"] })).rejects.toMatchObject({ code: "PORT_TAKEN" });
    const others = [await open("n"), await open("n"), await open("n"), await open("n")];
    expect(others.flatMap(({ addresses }) => addresses).toSorted()).toEqual(
      [2, 4, 5, 6].map((last) => `10.9.0.${last}`),
    );
    await expect(open("n")).rejects.toMatchObject({ code: "POOL_EXHAUSTED" });
    const again = await sandbox.start(["true"], { stdio: "ignore" });
    expect((await again.exited).code).toBe(0);
    expect((await sandbox.inspect()).endpoints[0]?.addresses[0]?.address).toBe("10.9.0.3/29");
  });
});
