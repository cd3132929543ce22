import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { promises as dns } from "node:dns";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createResolver } from "../src/index.ts";
import { askUdp, client, connected, ended, nobody, query, read, serve, sockets } from "./clients.ts";
import { accepts, address, answering, reply, server, type Received } from "./servers.ts";

/** Node's resolver is c-ares: somebody else's idea of a client. */
async function ares(behave: (received: Received) => void = answering("192.0.2.1")) {
  const { upstream } = await server(behave);
  const { port } = await serve(createResolver(), client({ servers: [upstream] }));
  const resolver = new dns.Resolver({ timeout: 5000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver;
}

function failing(rcode: number): (received: Received) => void {
  return (received) => received.reply(reply(received.message, { rcode }));
}

describe("c-ares finds", () => {
  test("addresses, of one family and the other", async () => {
    const resolver = await ares();
    expect(await resolver.resolve4("web", { ttl: true })).toEqual([{ address: "10.7.0.2", ttl: 5 }]);
    expect(await resolver.resolve4("WEB.My-Net")).toEqual(["10.7.0.2"]);
    expect(await resolver.resolve6("both")).toEqual(["fd00::3"]);
  });

  test("more addresses than a datagram holds", async () => {
    expect(await (await ares()).resolve4("many")).toHaveLength(40);
  });

  test("names of addresses", async () => {
    const resolver = await ares();
    expect(await resolver.reverse("10.7.0.2")).toEqual(["web.my-net"]);
    expect(await resolver.reverse("fd00::3")).toEqual(["both.my-net"]);
  });

  test("services", async () => {
    expect(await (await ares()).resolveSrv("_http._tcp.web")).toMatchObject([
      { name: "web", port: 8080, priority: 0, weight: 0 },
    ]);
  });

  test("that there is nothing of that type", async () => {
    const resolver = await ares();
    await expect(resolver.resolve6("web")).rejects.toMatchObject({ code: "ENODATA" });
    await expect(resolver.resolveMx("web")).rejects.toMatchObject({ code: "ENODATA" });
  });

  test("what other servers know", async () => {
    expect(await (await ares()).resolve4("a.example", { ttl: true })).toEqual([{ address: "192.0.2.1", ttl: 60 }]);
  });

  test("what other servers know and a datagram doesn't hold", async () => {
    const addresses = Array.from({ length: 200 }, (_, index) => address("a.example", `192.0.2.${index}`));
    const resolver = await ares(({ message, transport, reply: send }) =>
      send(reply(message, transport === "tcp" ? { answers: addresses } : { flags: 0x200 })),
    );
    expect(await resolver.resolve4("a.example")).toHaveLength(200);
  });

  test("that they don't know, or can't tell", async () => {
    await expect((await ares(failing(3))).resolve4("a.example")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect((await ares(failing(2))).resolve4("a.example")).rejects.toMatchObject({ code: "ESERVFAIL" });
  });
});

describe("a client that is served", () => {
  test("has no port 0, from which raw sockets can send", async () => {
    const resolver = createResolver();
    const { udp, tcp } = await sockets();
    const served = resolver.serve({ udp, tcp, ...client() });
    const from = { address: "127.0.0.1", family: "IPv4" as const, port: 0, size: 0 };
    expect(() => udp.emit("message", query("web"), from)).not.toThrow();
    await served.close();
  });

  test("sees its own names, whoever else is served", async () => {
    const resolver = createResolver();
    const [one, other] = [await serve(resolver, client()), await serve(resolver, client(undefined, nobody))];
    expect(read(await askUdp(one.port, query("web")))).toMatchObject({ answers: [{ data: "10.7.0.2" }] });
    expect(read(await askUdp(other.port, query("web")))).toMatchObject({ rcode: "NXDOMAIN" });
  });

  test("is asked from IPv6 too", async () => {
    const resolver = createResolver();
    const { tcp } = await sockets();
    const udp = createSocket("udp6");
    udp.bind(0, "::1");
    await once(udp, "listening");
    const served = resolver.serve({ udp, tcp, ...client() });
    const asking = createSocket("udp6");
    asking.send(query("web"), udp.address().port, "::1");
    const [message] = (await once(asking, "message")) as [Buffer];
    expect(read(message)).toMatchObject({ answers: [{ data: "10.7.0.2" }] });
    asking.close();
    await served.close();
  });
});

describe("when a client is closed", () => {
  test("its sockets and connections are, and what is under way ends at once", async () => {
    const arrived = Promise.withResolvers<void>();
    const { upstream } = await server(() => arrived.resolve());
    const resolver = createResolver({ limits: { timeoutMs: 1e6 } });
    const { port, close } = await serve(resolver, client({ servers: [upstream] }));
    const connection = await connected(port);
    const asking = createSocket("udp4");
    asking.send(query("a.example"), port, "127.0.0.1");
    await arrived.promise;
    expect(resolver.stats).toMatchObject({ forwarding: 1 });
    const end = ended(connection);
    await close();
    await end;
    asking.close();
    expect(resolver.stats).toMatchObject({ forwarding: 0, connections: 0 });
    expect(await accepts(port)).toBe(false);
    // It is closed already.
    await close();
  });

  test("at any moment, nothing is thrown", async () => {
    const { upstream } = await server(() => {});
    for (const count of Array.from({ length: 12 }).keys()) {
      const opened = Promise.withResolvers<void>();
      const openUdp = () => {
        opened.resolve();
        return createSocket("udp4");
      };
      const resolver = createResolver();
      const { port, close } = await serve(resolver, client({ servers: [upstream], openUdp }));
      const asking = createSocket("udp4");
      asking.send(query("a.example"), port, "127.0.0.1");
      await opened.promise;
      for (let turn = 0; turn < count; turn++) await new Promise<void>((done) => process.nextTick(done));
      await close();
      asking.close();
      expect(resolver.stats).toMatchObject({ forwarding: 0 });
    }
  });

  test("that it was says nothing of the servers", async () => {
    const { upstream, seen } = await server((received) => {
      if (seen.length > 1) answering("192.0.2.1")(received);
      else arrived.resolve();
    });
    const arrived = Promise.withResolvers<void>();
    const resolver = createResolver({ limits: { timeoutMs: 5000 } });
    const upstreams = { servers: [upstream] };
    const { port, close } = await serve(resolver, client(upstreams));
    const asking = createSocket("udp4");
    asking.send(query("a.example"), port, "127.0.0.1");
    await arrived.promise;
    await close();
    asking.close();
    const later = await resolver.resolve(query("a.example"), client(upstreams));
    expect(read(later as Buffer)).toMatchObject({ answers: [{ data: "192.0.2.1" }] });
  });

  test("no timer and no socket is left: a process ends", () => {
    const program = join(import.meta.dirname, "closing.program.ts");
    expect(spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 20_000 })).toMatchObject({
      status: 0,
      signal: null,
      stderr: "",
    });
  });

  test("others that wait for the same get it", async () => {
    const held: Received[] = [];
    const arrived = Promise.withResolvers<void>();
    const { upstream } = await server((received) => {
      held.push(received);
      arrived.resolve();
    });
    const upstreams = { servers: [upstream] };
    const resolver = createResolver({ limits: { timeoutMs: 1e6 } });
    const going = await serve(resolver, client(upstreams));
    const asking = createSocket("udp4");
    asking.send(query("a.example"), going.port, "127.0.0.1");
    await arrived.promise;
    const other = resolver.resolve(query("a.example"), client(upstreams));
    await going.close();
    held.forEach(answering("192.0.2.1"));
    expect(read((await other) as Buffer)).toMatchObject({ answers: [{ data: "192.0.2.1" }] });
    expect(held).toHaveLength(1);
    asking.close();
  });
});
