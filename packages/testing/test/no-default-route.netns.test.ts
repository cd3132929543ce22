// Networks that give no default route.
import { expect, test } from "vitest";
import { ping, serve } from "../src/index.ts";
import { onOutsideHost, plain } from "./outside-host.ts";
import { answer, connectError, defaultRoutes, isDropped } from "./questions.ts";

const subnets = [{ subnet: "10.9.0.0/24" }, { subnet: "fd00:9::/64" }];

test("a network that gives no default route: another one's is used, alone there is none, and its routes lead out", async () => {
  await onOutsideHost(plain, async ({ outside, netkit, open }) => {
    const options = { no_default_route: "1" };
    await netkit.networks.create({
      name: "a-none",
      subnets,
      options,
      routes: [{ destination: "203.0.113.0/24", gateway: "10.9.0.1" }],
    });
    await netkit.networks.create({ name: "b", ipv6: true });
    const { space, sandbox } = await open({ network: "a-none", gatewayPriority: 5 });
    await using server = await serve(outside);
    expect(await defaultRoutes(space)).toEqual([]);
    expect(await connectError(space, "2001:db8:99::1")).toBe("ENETUNREACH");
    expect(await connectError(space, "198.51.100.1")).toBe("ENETUNREACH");
    expect(await answer(space, "203.0.113.1", server.port)).toBe("203.0.113.2");
    await sandbox.connect("b");
    const { addresses } = (await sandbox.inspect()).endpoints.find(({ networkName }) => networkName === "b") ?? {};
    expect(await defaultRoutes(space)).toEqual(addresses?.map(({ gateway }) => gateway));
    expect(await answer(space, "2001:db8:99::1", server.port)).toBe("2001:db8:99::2");
    await sandbox.disconnect("b");
    expect(await defaultRoutes(space)).toEqual([]);
    const second = await open({ network: "b", gatewayPriority: -5 });
    await second.sandbox.connect("a-none");
    expect((await defaultRoutes(second.space)).length).toBe(2);
    expect(await ping(second.space, "10.9.0.2")).toBe(true);
  });
});

test("a port published on a network that gives no default route answers the outside, by its routes where they say so", async () => {
  await onOutsideHost(plain, async ({ outside, netkit, open }) => {
    await netkit.networks.create({
      name: "n",
      subnets,
      options: { "no-default-route": true },
      routes: [{ destination: "203.0.113.128/25", type: "blackhole" }],
    });
    const web = await open({ network: "n", publish: ["8080:80"] });
    expect(await defaultRoutes(web.space)).toEqual([]);
    await using _ = await serve(web.space, 80);
    expect(await answer(outside, "203.0.113.2", 8080)).toBe("203.0.113.1");
    expect(await answer(outside, "2001:db8:99::2", 8080)).toBe("2001:db8:99::1");
    await outside.shell("ip address add 203.0.113.200/24 dev up0; ip route add 203.0.113.2 dev up0 src 203.0.113.200");
    expect(await isDropped(outside, "203.0.113.2", 8080)).toBe(true);
  });
});
