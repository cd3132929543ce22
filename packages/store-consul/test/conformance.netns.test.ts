import { describeStoreConformance } from "@netkit/conformance/vitest";
import { consulProgram, consulServer, ownLoopback, type Server } from "@netkit/testing";
import { afterAll, beforeAll, describe } from "vitest";
import { openConsulStore } from "../src/index.ts";

describe.skipIf(consulProgram === undefined)("with a server of Consul", () => {
  ownLoopback();
  let server: Server;
  let spaces = 0;

  beforeAll(async () => {
    server = consulServer();
    await server.start();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  describeStoreConformance({
    name: "consul",
    makeSpace: () => {
      const prefix = `space${spaces++}/`;
      return { open: () => openConsulStore({ addresses: ["127.0.0.1:8500"], prefix }), remove: () => {} };
    },
    // A session ends when twice its time to live has passed.
    lease: { shortestMs: 10_000, lateMs: 10_000 },
    history: false,
    forgets: false,
    servers: {
      endpoint: "127.0.0.1:8500",
      patienceMs: 6_000,
      stop: async () => await server.stop("SIGKILL"),
      start: async () => await server.start(),
    },
  });
});
