import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isNetkitError, type Store } from "@netkit/core";
import {
  etcdctl,
  etcdLoad,
  etcdPrograms,
  etcdServer,
  makeAuthority,
  type EtcdOptions,
  ownLoopback,
  type Server,
} from "@netkit/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { openEtcdStore, parseEtcdUrl, type EtcdStoreOptions } from "../src/index.ts";

const write = { checks: [], writes: [{ key: "a", value: 1 }] };

/** Servers for one test, and stores that are closed before them. */
async function start(...options: EtcdOptions[]): Promise<Server[]> {
  const servers = (options.length === 0 ? [{}] : options).map((each) => etcdServer(each));
  onTestFinished(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
  });
  await Promise.all(servers.map((server) => server.start()));
  return servers;
}

function open(options: Partial<EtcdStoreOptions> = {}): Store {
  const store = openEtcdStore({ endpoints: ["127.0.0.1:2379"], ...options });
  onTestFinished(async () => await store.close());
  return store;
}

async function run([program = "", ...words]: readonly string[]): Promise<string> {
  return execFileSync(program, words, { encoding: "utf8" });
}

/** What the server has sent, in bytes. */
async function bytesSent(): Promise<number> {
  return (await etcdLoad({ exec: run }, "127.0.0.1")).sent;
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "netkit-etcd-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe.skipIf(etcdPrograms === undefined)("a store on etcd", () => {
  ownLoopback();

  test("tells what has changed without sending what hasn't", async () => {
    await start();
    const store = open();
    const value = "x".repeat(1_000);
    for (let key = 0; key < 100; key++) await store.commit({ checks: [], writes: [{ key: `a/${key}`, value }] });
    const before = await store.revision();
    await store.commit({ checks: [], writes: [{ key: "a/new", value }] });
    const already = await bytesSent();
    expect((await store.changes("", before)).events).toMatchObject([{ type: "put", key: "a/new" }]);
    expect((await bytesSent()) - already).toBeLessThan(2 * value.length);
  });

  describe("of three members", () => {
    const ports = [2379, 2479, 2579];
    const endpoints = ports.map((port) => `127.0.0.1:${port}`);
    const members = ports.map((port) => ({ port, cluster: ports }));

    test("goes on with the others when one after another is killed and comes back", async () => {
      const servers = await start(...members);
      const store = open({ endpoints });
      const watched: unknown[] = [];
      const end = new AbortController();
      onTestFinished(() => end.abort());
      const watching = (async () => {
        for await (const event of store.watch("", 0, end.signal)) {
          watched.push("value" in event && event.value);
          if (watched.at(-1) === 8) return;
        }
      })();
      let value = 0;
      const add = async (): Promise<void> => {
        for (const wanted = value + 2; value < wanted; value = Number((await store.get("a"))?.value ?? 0)) {
          const checks = [{ key: "a", revision: (await store.get("a"))?.revision ?? 0 }];
          // A leader that died in the middle leaves it open whether it committed; the next look tells.
          await store.commit({ checks, writes: [{ key: "a", value: value + 1 }] }).catch(isAway);
        }
      };
      await add();
      for (const server of servers) {
        await server.stop("SIGKILL");
        await add();
        await server.start();
      }
      await watching;
      expect(watched).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    });

    test("goes on with a watch on another member when its own has gone silent", async () => {
      const [first] = await start(...members);
      const watching = open({ endpoints });
      const others = open({ endpoints: endpoints.slice(1) });
      await others.commit(write);
      const watch = watching.watch("", await watching.revision(), new AbortController().signal)[Symbol.asyncIterator]();
      const before = watch.next();
      await others.commit({ checks: [], writes: [{ key: "b", value: 1 }] });
      expect(await before).toMatchObject({ value: { key: "b" } });
      const after = watch.next();
      await first?.stop("SIGSTOP");
      // It may have been the leader.
      await expect
        .poll(async () => await others.commit({ checks: [], writes: [{ key: "c", value: 1 }] }).catch(isAway), {
          timeout: 20_000,
        })
        .toMatchObject({ committed: true });
      expect(await after).toMatchObject({ value: { key: "c" } });
      await watch.return?.();
    });

    test("fails in time where the majority is gone, with what it knows of the commit", async () => {
      const servers = await start(...members);
      const store = open({ endpoints, timeoutMs: 2_000 });
      await store.commit(write);
      await servers[1]?.stop("SIGKILL");
      await servers[2]?.stop("SIGKILL");
      const begun = performance.now();
      await expect(store.commit(write)).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        details: { outcome: expect.stringMatching(/none|unknown/) as unknown },
      });
      await expect(store.get("a")).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        message: expect.stringContaining("no leader") as unknown,
      });
      expect(performance.now() - begun).toBeLessThan(5_000);
    });
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
    await expect(open({ timeoutMs: 500 }).commit(write)).rejects.toMatchObject({ details: { outcome: "none" } });
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
    expect(etcdctl(["get", "", "--prefix", "--keys-only"]).trim()).toBe("");
  });

  test("refuses a commit that etcd doesn't take, and says what would help", async () => {
    await start();
    const store = open();
    const many = Array.from({ length: 129 }, (_, n) => ({ key: `k/${n}`, value: 0 }));
    await expect(store.commit({ checks: [], writes: many })).rejects.toMatchObject({
      code: "STORE_LIMIT",
      message: "etcd at http://127.0.0.1:2379 refuses the commit: too many operations in txn request",
      hint: expect.stringContaining("--max-txn-ops") as unknown,
    });
    const large = [{ key: "a", value: "x".repeat(2_000_000) }];
    await expect(store.commit({ checks: [], writes: large })).rejects.toMatchObject({ code: "STORE_LIMIT" });
    expect(await store.range("")).toEqual([]);
  });

  test("reads what others wrote, JSON or not, and tells what goes with a lease", async () => {
    await start();
    const store = open({ prefix: "/theirs/" });
    etcdctl(["put", "/theirs/garbage", "{ not JSON"]);
    etcdctl(["put", "/theirs/json", '{"a": 1}']);
    const lease = await store.lease(60_000);
    await store.commit({ checks: [], writes: [{ key: "leased", value: 1, lease: lease.id }] });
    const entries = (await store.range("")).map(({ key, value, lease: told }) => [key, value, told]);
    const found = [
      ["garbage", "{ not JSON", undefined],
      ["json", { a: 1 }, undefined],
      ["leased", 1, lease.id],
    ];
    expect(entries).toEqual(found);
    const watched: unknown[] = [];
    for await (const event of store.watch("", 0, AbortSignal.timeout(10_000))) {
      watched.push(event.type === "put" && [event.key, event.value]);
      if (watched.length === found.length) break;
    }
    expect(watched).toEqual(found.map((each) => each.slice(0, 2)));
    // Whoever reads the document can renew the lease, and end it.
    const held = open().held?.(lease.id);
    expect(await held?.renew()).toBe(true);
    await held?.revoke();
    expect(await store.get("leased")).toBeUndefined();
    expect(await held?.renew()).toBe(false);
  });

  test("leaves alone what isn't under its prefix", async () => {
    await start();
    etcdctl(["put", "netkit/v10", "other"]);
    etcdctl(["put", "other", "other"]);
    const store = open();
    await store.commit(write);
    expect(etcdctl(["get", "netkit/v1/", "--prefix", "--keys-only"]).trim()).toBe("netkit/v1/a");
    expect((await store.range("")).map(({ key }) => key)).toEqual(["a"]);
    expect((await store.changes("", 0)).events).toHaveLength(1);
  });

  test("speaks TLS, shows its certificate, and refuses a server of another authority", async () => {
    const authority = makeAuthority(directory());
    const [server, client] = [authority.sign("server"), authority.sign("client")];
    await start({ tls: { ca: authority.ca, ...server } });
    const store = open({ cacert: authority.ca, ...client });
    await store.commit(write);
    expect(
      await open({ endpoints: ["https://127.0.0.1:2379"], cacert: authority.ca, ...client }).get("a"),
    ).toMatchObject({
      value: 1,
    });
    const query = new URLSearchParams({ cacert: authority.ca, ...client }).toString();
    expect(await open(parseEtcdUrl(`etcd://127.0.0.1:2379/netkit/v1/?${query}`, {})).get("a")).toMatchObject({
      value: 1,
    });

    const stranger = makeAuthority(directory());
    const strangers = { cacert: authority.ca, ...stranger.sign("client") };
    const files = `--cacert=${authority.ca} --cert=${client.cert} --key=${client.key}`;
    const refusals: [string, Partial<EtcdStoreOptions>, why: string, hint: string][] = [
      ["https://127.0.0.1:2379", {}, "nobody who is trusted here has signed its certificate", "?cacert=FILE"],
      ["https://127.0.0.1:2379", { ...client, cacert: stranger.ca }, "nobody who is trusted here", "?cacert=FILE"],
      ["https://127.0.0.1:2379", { cacert: authority.ca }, "wants a certificate of its clients", "?cert=FILE&key=FILE"],
      ["https://127.0.0.1:2379", strangers, `doesn't take this client's certificate, ${strangers.cert}`, "?cert=FILE"],
      ["https://localhost:2379", { cacert: authority.ca, ...client }, "does not match", "as its certificate does"],
      ["http://127.0.0.1:2379", {}, "closed the connection without a word", "Does it speak TLS? Write etcds:"],
      ["https://127.0.0.1:2380", { cacert: authority.ca, ...client }, "doesn't speak TLS", "Write etcd:"],
      ["https://127.0.0.1:9", { cacert: authority.ca, ...client }, "ECONNREFUSED", `:9 ${files} endpoint health`],
    ];
    for (const [endpoint, options, why, hint] of refusals) {
      await expect(
        open({ endpoints: [endpoint], ...options }).commit(write),
        `${endpoint}, ${why}`,
      ).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        message: expect.stringContaining(why) as unknown,
        hint: expect.stringContaining(hint) as unknown,
        details: { outcome: "none" },
      });
    }
  });

  test("is the user of its certificate", async () => {
    const authority = makeAuthority(directory());
    const tls = { ca: authority.ca, ...authority.sign("server") };
    await start({ tls });
    const root = authority.sign("root");
    const asRoot = { ETCDCTL_CACERT: tls.ca, ETCDCTL_CERT: root.cert, ETCDCTL_KEY: root.key };
    const environment = { ...asRoot, ETCDCTL_ENDPOINTS: "https://127.0.0.1:2379" };
    useUsers(environment);
    const options = { cacert: tls.ca, endpoints: ["https://127.0.0.1:2379"] };
    await open({ ...options, ...authority.sign("netkit") }).commit(write);
    await expect(open({ ...options, ...authority.sign("nobody") }).get("a")).rejects.toMatchObject({
      code: "STORE_REFUSED",
    });
  });

  test("logs in with a name and a password, and again when its token has ended", async () => {
    const [server] = await start();
    useUsers({});
    const user = { name: "netkit", password: "secret" };
    const store = open({ user });
    await store.commit(write);
    expect(await open(parseEtcdUrl("etcd://netkit:secret@127.0.0.1:2379", {})).get("a")).toMatchObject({ value: 1 });
    // Tokens live in the server's memory.
    await server?.stop("SIGKILL");
    await server?.start();
    expect(await store.get("a")).toMatchObject({ value: 1 });
    await store.commit(write);
    etcdctl(["--user=root:rootsecret", "role", "grant-permission", "netkit", "read", "other"]);
    await store.commit(write);

    await expect(open({ user, prefix: "elsewhere/" }).commit(write)).rejects.toMatchObject({
      message: "etcd at http://127.0.0.1:2379 refuses this client what begins with 'elsewhere/': permission denied",
      hint: expect.stringContaining("--prefix=true readwrite elsewhere/") as unknown,
    });
    const refusal = { code: "STORE_REFUSED", message: expect.stringContaining("http://127.0.0.1:2379") as unknown };
    for (const options of [{ user: { ...user, password: "wrong" } }, {}, { user, prefix: "elsewhere/" }]) {
      const refused = open(options);
      await expect(refused.get("a")).rejects.toMatchObject(refusal);
      await expect(refused.commit(write)).rejects.toMatchObject(refusal);
      const watch = refused.watch("", 0, AbortSignal.timeout(10_000))[Symbol.asyncIterator]();
      await expect(watch.next()).rejects.toMatchObject(refusal);
    }
  });
});

function isAway(error: unknown): void {
  if (!isNetkitError(error) || error.code !== "STORE_UNAVAILABLE") throw error;
}

/** Turns on authentication, with a user `netkit` who may use the prefix. */
function useUsers(environment: Readonly<Record<string, string>>): void {
  for (const words of [
    "user add root:rootsecret",
    "user grant-role root root",
    "role add netkit",
    "role grant-permission netkit --prefix=true readwrite netkit/v1/",
    "user add netkit:secret",
    "user grant-role netkit netkit",
    "auth enable",
  ]) {
    etcdctl(words.split(" "), environment);
  }
}
