import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isNetkitError, type Entry, type Store } from "@netkit/core";
import {
  consulProgram,
  consulServer,
  makeAuthority,
  ownLoopback,
  type ConsulOptions,
  type Server,
} from "@netkit/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { openConsulStore, parseConsulUrl, type ConsulStoreOptions } from "../src/index.ts";

const write = { checks: [], writes: [{ key: "a", value: 1 }] };

/** Servers for one test, and stores that are closed before them. */
async function start(...options: ConsulOptions[]): Promise<Server[]> {
  const servers = (options.length === 0 ? [{}] : options).map((each) => consulServer(each));
  onTestFinished(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
  });
  await Promise.all(servers.map((server) => server.start()));
  return servers;
}

function open(options: Partial<ConsulStoreOptions> = {}): Store {
  const store = openConsulStore({ addresses: ["127.0.0.1:8500"], ...options });
  onTestFinished(async () => await store.close());
  return store;
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "netkit-consul-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** Asks Consul without netkit. */
async function ask(path: string, body?: string, headers: Record<string, string> = {}): Promise<unknown> {
  const put = body === undefined ? {} : { method: "PUT", body };
  const response = await fetch(`http://127.0.0.1:8500/v1/${path}`, {
    headers: { ...headers, connection: "close" },
    ...put,
  });
  expect(response.ok, path).toBe(true);
  return await response.json();
}

function isAway(error: unknown): void {
  if (!isNetkitError(error) || error.code !== "STORE_UNAVAILABLE") throw error;
}

describe.skipIf(consulProgram === undefined)("a store on Consul", () => {
  ownLoopback();

  test("of three servers goes on with the others when one after another is killed and comes back", async () => {
    const ports = [8500, 8600, 8700];
    const servers = await start(...ports.map((port) => ({ port, cluster: ports })));
    const store = open({ addresses: ports.map((port) => `127.0.0.1:${port}`) });
    const begun = await store.commit(write);
    const seen: number[] = [];
    const end = new AbortController();
    onTestFinished(() => end.abort());
    const readAgain = async (): Promise<Entry> => {
      for (;;) {
        const entry = await store.get("a").catch((error: unknown) => {
          isAway(error);
        });
        if (entry !== undefined) return entry;
      }
    };
    const watching = (async () => {
      for await (const event of store.watch("", begun.committed ? begun.revision : 0, end.signal)) {
        // What changed before the first listing is no event, and of two changes between listings one.
        const value = Number("value" in event ? event.value : (await readAgain()).value);
        if (value !== seen.at(-1)) seen.push(value);
        if (value === 4) return;
      }
    })();
    let value = 1;
    for (const server of servers) {
      await server.stop("SIGKILL");
      for (const wanted = value + 1; value < wanted;) {
        try {
          const entry = await store.get("a");
          value = Number(entry?.value);
          if (value === wanted) break;
          // A leader that died in the middle leaves it open whether it committed; the next look tells.
          await store.commit({
            checks: [{ key: "a", revision: entry?.revision ?? 0 }],
            writes: [{ key: "a", value: wanted }],
          });
        } catch (error) {
          isAway(error);
        }
      }
      await server.start();
    }
    await watching;
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(4);
  });

  test("says of a server that has gone silent that the commit may have happened", async () => {
    const [server] = await start();
    const store = open({ timeoutMs: 500 });
    await store.commit(write);
    await server?.stop("SIGSTOP");
    await expect(store.commit({ checks: [], writes: [{ key: "b", value: 1 }] })).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("no answer within 500 ms; whether the change was made is not known") as unknown,
      details: { outcome: "unknown" },
    });
    await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", details: { outcome: "none" } });
  });

  test("says that there is no leader", async () => {
    const ports = [8500, 8600, 8700];
    const servers = await start(...ports.map((port) => ({ port, cluster: ports })));
    const store = open({ timeoutMs: 2_000 });
    await store.commit(write);
    await servers[1]?.stop("SIGKILL");
    await servers[2]?.stop("SIGKILL");
    const begun = performance.now();
    await expect(store.commit(write)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test("says that something else answers where Consul should", async () => {
    const other = createServer((_, response) => void response.writeHead(404).end("404 page not found\n"));
    other.listen(8500, "127.0.0.1");
    onTestFinished(() => void other.close());
    await once(other, "listening");
    const store = open();
    const error = {
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("what answers there is no Consul: 404 page not found") as string,
    };
    for (const ask of [store.get("a"), store.commit(write), store.lease(10_000), store.range("a")])
      await expect(ask).rejects.toMatchObject(error);
  });

  test("is used as the README shows", async () => {
    await start();
    const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
    const [, code = ""] = /```ts\n(.*?)```/s.exec(readme) ?? [];
    const said = execFileSync(process.execPath, ["--input-type=module", "--eval", code], {
      cwd: import.meta.dirname,
      encoding: "utf8",
    });
    expect(said).toContain("10.7.0.2");
    expect(await ask("kv/?keys")).toEqual(["netkit/v1/"]);
  });

  test("fits 63 keys into a commit where nobody holds them, and refuses what Consul doesn't take", async () => {
    await start();
    const store = open();
    const keys = Array.from({ length: 64 }, (_, n) => `k/${n}`);
    const create = keys.map((key) => ({ key, revision: 0 }));
    const writes = keys.map((key) => ({ key, value: key }));
    await expect(store.commit({ checks: create, writes })).rejects.toMatchObject({
      code: "STORE_LIMIT",
      message: "Consul doesn't take the commit: 64 writes and 64 checks take 65 operations",
    });
    const made = await store.commit({ checks: create.slice(1), writes: writes.slice(1) });
    const revision = made.committed ? made.revision : 0;
    const checks = keys.slice(1).map((key) => ({ key, revision }));
    expect(await store.commit({ checks, writes: writes.slice(1) })).toMatchObject({ committed: true });
    expect(await store.commit({ checks, writes: writes.slice(1) })).toEqual({
      committed: false,
      conflicts: keys.slice(1),
    });
    const held = await store.lease(10_000);
    const leased = keys.slice(1, 25).map((key) => ({ key, value: 0, lease: held.id }));
    const under = await store.commit({ checks: [], writes: leased });
    const again = leased.map(({ key }) => ({ key, revision: under.committed ? under.revision : 0 }));
    await expect(store.commit({ checks: again, writes: leased })).rejects.toMatchObject({ code: "STORE_LIMIT" });
    const large = [{ key: "a", value: "x".repeat(400_000) }];
    await expect(store.commit({ checks: [], writes: large })).rejects.toMatchObject({ code: "STORE_LIMIT" });
    await expect(store.lease(90_000_000)).rejects.toMatchObject({ code: "STORE_LIMIT" });
    expect(await store.range("")).toHaveLength(63);
  });

  test("leaves alone what isn't under its prefix", async () => {
    await start();
    await ask("kv/netkit/v10", "other");
    await ask("kv/other", "other");
    const store = open();
    await store.commit(write);
    expect(await ask("kv/netkit/v1/?keys")).toEqual(["netkit/v1/", "netkit/v1/a"]);
    expect((await store.range("")).map(({ key }) => key)).toEqual(["a"]);
  });

  test("gives as text what somebody else has put under its prefix that isn't JSON", async () => {
    await start();
    const store = open();
    await store.commit(write);
    await ask("kv/netkit/v1/theirs", "plain text");
    expect(await store.get("theirs")).toMatchObject({ value: "plain text" });
    expect((await store.range("")).map(({ value }) => value)).toEqual([1, "plain text"]);
  });

  test("says resync where Consul has begun anew", async () => {
    const [server] = await start();
    const store = open();
    for (let n = 0; n < 50; n++) await store.commit(write);
    const begin = await store.revision();
    const watch = store.watch("", begin, new AbortController().signal)[Symbol.asyncIterator]();
    const next = watch.next();
    const removed = await store.commit({ checks: [], writes: [{ key: "b", value: 1 }] });
    await next;
    const pending = watch.next();
    await server?.[Symbol.asyncDispose]();
    const other = consulServer();
    onTestFinished(async () => await other[Symbol.asyncDispose]());
    await other.start();
    const anew = await open().commit(write);
    expect(anew.committed && removed.committed && anew.revision < removed.revision).toBe(true);
    expect(await pending).toMatchObject({ value: { type: "resync" } });
    await watch.return?.();
  });

  test("speaks TLS, shows its certificate, and refuses an agent of another authority", async () => {
    const authority = makeAuthority(directory());
    const [server, client] = [authority.sign("server"), authority.sign("client")];
    await start({ tls: { ca: authority.ca, ...server } });
    const store = open({ cacert: authority.ca, ...client });
    await store.commit(write);
    const query = new URLSearchParams({ cacert: authority.ca, ...client }).toString();
    const byUrl = open(parseConsulUrl(`consul://127.0.0.1:8500/netkit/v1/?${query}`, {}));
    expect(await byUrl.get("a")).toMatchObject({ value: 1 });

    const stranger = makeAuthority(directory());
    const strangers = { cacert: authority.ca, ...stranger.sign("client") };
    const files = `-ca-file=${authority.ca} -client-cert=${client.cert} -client-key=${client.key}`;
    const refusals: [string, Partial<ConsulStoreOptions>, why: string, hint: string][] = [
      ["https://127.0.0.1:8500", {}, "nobody who is trusted here has signed its certificate", "?cacert=FILE"],
      ["https://127.0.0.1:8500", { ...client, cacert: stranger.ca }, "nobody who is trusted here", "?cacert=FILE"],
      ["https://127.0.0.1:8500", { cacert: authority.ca }, "wants a certificate of its clients", "?cert=FILE&key=FILE"],
      ["https://127.0.0.1:8500", strangers, `doesn't take this client's certificate, ${strangers.cert}`, "?cert=FILE"],
      ["https://localhost:8500", { cacert: authority.ca, ...client }, "does not match", "as its certificate does"],
      ["http://127.0.0.1:8500", {}, "an HTTP request to an HTTPS server", "Write consuls:"],
      ["https://127.0.0.1:9", { cacert: authority.ca, ...client }, "ECONNREFUSED", `:9 ${files}`],
    ];
    for (const [address, options, why, hint] of refusals) {
      await expect(
        open({ addresses: [address], ...options }).commit(write),
        `${address}, ${why}`,
      ).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        message: expect.stringContaining(why) as unknown,
        hint: expect.stringContaining(hint) as unknown,
        details: { outcome: "none" },
      });
    }
  });

  test("shows its token, and says when that may not do something", async () => {
    const master = "11111111-1111-1111-1111-111111111111";
    await start({
      more: `acl { enabled = true
        default_policy = "deny"
        tokens { master = "${master}"
          agent = "${master}" } }`,
    });
    const as = { "X-Consul-Token": master };
    const rules = 'key_prefix "netkit/v1/" { policy = "write" } session_prefix "" { policy = "write" }';
    await ask("acl/policy", JSON.stringify({ Name: "netkit", Rules: rules }), as);
    const made = await ask("acl/token", JSON.stringify({ Policies: [{ Name: "netkit" }] }), as);
    const token = (made as { SecretID: string }).SecretID;
    const store = open({ token });
    const lease = await store.lease(10_000);
    await store.commit({ checks: [], writes: [{ key: "a", value: 1, lease: lease.id }] });
    expect(await open(parseConsulUrl(`consul://127.0.0.1:8500?token=${token}`, {})).get("a")).toMatchObject({
      value: 1,
    });

    const refusal = { code: "STORE_REFUSED", message: expect.stringContaining("http://127.0.0.1:8500") as unknown };
    await expect(open({ token, prefix: "elsewhere/" }).commit(write)).rejects.toMatchObject({
      hint: expect.stringContaining('key_prefix "elsewhere/"') as unknown,
    });
    for (const options of [{}, { token, prefix: "elsewhere/" }, { token: master.replaceAll("1", "2") }]) {
      await expect(open(options).commit(write)).rejects.toMatchObject(refusal);
    }
    await expect(open().lease(10_000)).rejects.toMatchObject(refusal);
    await expect(open({ token: master.replaceAll("1", "2") }).get("a")).rejects.toMatchObject(refusal);
  });
});
