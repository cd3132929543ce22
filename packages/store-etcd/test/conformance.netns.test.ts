import { describeStoreConformance } from "@netkit/conformance/vitest";
import { etcdctl, etcdPrograms, etcdServer, ownLoopback, type Server } from "@netkit/testing";
import { afterAll, beforeAll, describe } from "vitest";
import { openEtcdStore } from "../src/index.ts";

describe.skipIf(etcdPrograms === undefined)("with a server of etcd", () => {
  ownLoopback();
  let server: Server;
  let spaces = 0;

  beforeAll(async () => {
    server = etcdServer();
    await server.start();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  describeStoreConformance({
    name: "etcd",
    makeSpace: () => {
      const prefix = `space${spaces++}/`;
      return {
        open: () => openEtcdStore({ endpoints: ["127.0.0.1:2379"], prefix }),
        forget: async () => {
          const store = openEtcdStore({ endpoints: ["127.0.0.1:2379"], prefix });
          etcdctl(["compaction", String(await store.revision())]);
          await store.close();
        },
        remove: () => {},
      };
    },
    // Shorter ones become 2 s; expired ones are looked for twice a second.
    lease: { shortestMs: 2_000, lateMs: 1_500 },
    history: true,
    forgets: true,
    servers: {
      endpoint: "127.0.0.1:2379",
      patienceMs: 6_000,
      stop: async () => await server.stop("SIGKILL"),
      start: async () => await server.start(),
    },
  });
});
