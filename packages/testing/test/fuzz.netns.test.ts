import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { agentSocket } from "@netkit/agent/client";
import type { Netkit } from "@netkit/engine";
import { bytesNear, fuzz, jsonNear } from "@netkit/fuzzing";
import { serveDocker } from "@netkit/runtime-docker";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { onAgentHosts, type AgentHost } from "./agent-host.ts";

let host: AgentHost;
let netkit: Netkit;
onAgentHosts((given) => ({ host, netkit } = given));

/** How programs fail that nobody has thought of. */
const unforeseen =
  /Cannot (read|set|convert)|is not (a function|iterable|defined)|Invalid (array|string) length|call stack/;

interface Said {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask(socketPath: string, method: string, path: string, body: unknown): Promise<Said> {
  const asking = httpRequest({ socketPath, path, method, agent: false });
  asking.end(JSON.stringify(body));
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: JSON.parse((await text(response)) || "{}") as Said["body"] };
}

/** @returns the answer up to its first line: a stream of events has no end of its own. */
async function say(socketPath: string, bytes: Uint8Array): Promise<string> {
  const socket = connect(socketPath);
  socket.on("error", () => {});
  socket.end(bytes);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.on("close", () => resolve());
  let answer = "";
  socket.on("data", (chunk) => {
    answer += String(chunk);
    if (answer.includes("\n")) socket.destroy();
  });
  await closed;
  return answer;
}

/** As a client writes it. */
function posted(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** Whatever was made goes, and nothing is left that netkit doesn't know. */
async function expectRemovable(): Promise<void> {
  for (const { id } of await netkit.sandboxes.list()) await netkit.sandboxes.remove(id, { force: true });
  for (const { id, predefined } of await netkit.networks.list()) if (!predefined) await netkit.networks.remove(id);
  // oxlint-disable-next-line vitest/no-standalone-expect -- called from tests
  expect((await netkit.doctor()).findings).toEqual([]);
}

const ids = ["a", "b"].map((digit) => digit.repeat(64));
const id = fc.constantFrom(...ids);
const bodies: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  "IpamDriver.RequestPool": fc.record({
    Pool: fc.constantFrom("", "10.9.0.0/24", "fd09::/64"),
    SubPool: fc.constantFrom("", "10.9.0.128/25"),
    Options: fc.constant({}),
    V6: fc.boolean(),
  }),
  "IpamDriver.RequestAddress": fc.record({
    PoolID: fc.constantFrom("10.9.0.0/24", "10.9.0.0/24,10.9.0.128/25"),
    Address: fc.constantFrom("", "10.9.0.7"),
    Options: fc.constantFrom({}, { RequestAddressType: "com.docker.network.gateway" }),
  }),
  "IpamDriver.ReleaseAddress": fc.constant({ PoolID: "10.9.0.0/24", Address: "10.9.0.7" }),
  "NetworkDriver.CreateNetwork": fc.record({
    NetworkID: id,
    Options: fc.constantFrom(
      { "com.docker.network.generic": { icc: "false", "netkit.name": "mine" }, "com.docker.network.internal": true },
      { "com.docker.network.generic": { "netkit.network": "mine" } },
    ),
    IPv4Data: fc.constantFrom(
      [{ AddressSpace: "netkit", Pool: "10.9.0.0/24", Gateway: "10.9.0.1/24", AuxAddresses: { a: "10.9.0.5/24" } }],
      [{ AddressSpace: "null", Pool: "0.0.0.0/0", Gateway: "", AuxAddresses: null }],
    ),
    IPv6Data: fc.constantFrom([], [{ AddressSpace: "netkit", Pool: "fd09::/64", Gateway: "", AuxAddresses: null }]),
  }),
  "NetworkDriver.CreateEndpoint": fc.record({
    NetworkID: id,
    EndpointID: id,
    Interface: fc.constantFrom(
      { Address: "10.9.0.7/24", AddressIPv6: "", MacAddress: "" },
      { Address: "", AddressIPv6: "", MacAddress: "02:00:00:00:00:07" },
    ),
    Options: fc.constant({ "com.docker.network.endpoint.exposedports": [] }),
  }),
  "NetworkDriver.Join": fc.record({
    NetworkID: id,
    EndpointID: id,
    SandboxKey: fc.constant("/run/docker/netns/0123456789ab"),
    Options: fc.constant({}),
  }),
  "NetworkDriver.ProgramExternalConnectivity": fc.record({
    NetworkID: id,
    EndpointID: id,
    Options: fc.constant({
      "com.docker.network.portmap": [
        { Proto: 6, IP: "", Port: 80, HostIP: "127.0.0.1", HostPort: 8080, HostPortEnd: 8080 },
      ],
    }),
  }),
  "NetworkDriver.DeleteEndpoint": fc.record({ NetworkID: id, EndpointID: id }),
  "NetworkDriver.DeleteNetwork": fc.record({ NetworkID: id }),
};
/** As Docker asks, and nearly so: half of the requests are whole, so that some come to something. */
const dockers = fc.constantFrom(...Object.keys(bodies)).chain((method) => {
  const whole = bodies[method] ?? fc.constant({});
  return fc.tuple(fc.constant(method), fc.oneof(whole, jsonNear(whole)));
});

/** @returns the socket that Docker asks at, until the test is over */
async function serveTest(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "netkit-docker-"));
  const server = await serveDocker(netkit, { folder });
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return join(folder, `${server.names[0]}.sock`);
}

test("whatever is asked of Docker's plugin has an answer of its protocol, and can be taken back", async () => {
  const socket = await serveTest();
  await fuzz(fc.array(dockers, { minLength: 1, maxLength: 8 }), async (requests) => {
    for (const [method, asked] of requests) {
      const { status, body } = await ask(socket, "POST", `/${method}`, asked);
      expect([200, 400]).toContain(status);
      expect(body["Err"]).toBe(body["Error"]);
      expect(JSON.stringify(body)).not.toMatch(unforeseen);
    }
    await expectRemovable();
  });
});

test("whatever bytes come to the socket of Docker's plugin, it goes on", async () => {
  const socket = await serveTest();
  const valid = [
    posted("/Plugin.Activate", ""),
    posted("/NetworkDriver.GetCapabilities", "{}"),
    posted("/NetworkDriver.DeleteNetwork", JSON.stringify({ NetworkID: ids[0] })),
    posted("/IpamDriver.RequestPool", JSON.stringify({ Pool: "10.9.0.0/24", Options: {}, V6: false })),
    `${posted("/Plugin.Activate", "{}")}${posted("/IpamDriver.GetDefaultAddressSpaces", "{}")}`,
  ].map((each) => Buffer.from(each));
  await fuzz(bytesNear(fc.constantFrom(...valid)), async (bytes) => {
    const answer = await say(socket, bytes);
    expect(answer === "" || answer.startsWith("HTTP/1.1 "), answer).toBe(true);
    expect(await ask(socket, "POST", "/Plugin.Activate", {})).toMatchObject({
      status: 200,
      body: { Implements: ["NetworkDriver", "IpamDriver"] },
    });
  });
  await expectRemovable();
});

const network = { name: "mine", subnets: [{ subnet: "10.9.0.0/24" }], options: { mtu: 1400 }, labels: { a: "b" } };
// Neither a process nor the path of a namespace: it might be one of the machine's own.
const sandbox = {
  name: "box",
  networks: [{ network: "mine", ip: "10.9.0.9", publish: ["8080:80"], aliases: ["web"] }],
  dns: { servers: ["10.9.0.1"], search: ["x"] },
  hosts: [{ address: "10.9.0.1", name: "gw" }],
};
const requests = fc.oneof(
  fc.tuple(fc.constantFrom("/v1/networks", "/v1/sandboxes"), fc.constantFrom(network, sandbox)),
  fc.tuple(fc.constant("/v1/networks"), jsonNear(fc.constant(network))),
  fc.tuple(fc.constant("/v1/sandboxes"), jsonNear(fc.constant(sandbox))),
  fc.tuple(fc.constant("/v1/sandboxes/box/endpoints"), jsonNear(fc.constant(sandbox.networks[0]))),
  fc.tuple(fc.constant("/v1/sandboxes/box/endpoints/mine/ports"), jsonNear(fc.constant({ ports: ["8081:81"] }))),
  fc.tuple(fc.constantFrom("/v1/sync", "/v1/expect"), jsonNear(fc.constant({ revision: 1, needed: true }))),
);

test("whatever is asked of the agent is answered or refused, and can be taken back", async () => {
  await fuzz(fc.array(requests, { minLength: 1, maxLength: 6 }), async (asked) => {
    for (const [path, body] of asked) {
      const { status, body: said } = await ask(agentSocket(host.root), "POST", path, body);
      const { error } = said as { readonly error?: { readonly code: string; readonly message: string } };
      expect(status === 200 || error?.code !== undefined, JSON.stringify(said)).toBe(true);
      expect(error?.code, error?.message).not.toBe("INTERNAL");
    }
    await expectRemovable();
  });
});

test("whatever bytes come to the agent's socket, it goes on", async () => {
  const valid = [
    "GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET /v1/events?since=0&type=network HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "POST /v1/runtimes/cni HTTP/1.0\r\ncontent-length: 12\r\n\r\nCNI_COMMAND=",
    posted("/v1/networks?dry-run=true", JSON.stringify(network)),
    `${posted("/v1/networks", "{}")}GET /v1/sandboxes HTTP/1.1\r\nhost: x\r\n\r\n`,
  ].map((each) => Buffer.from(each));
  await fuzz(bytesNear(fc.constantFrom(...valid)), async (bytes) => {
    const answer = await say(agentSocket(host.root), bytes);
    expect(answer === "" || answer.startsWith("HTTP/1.1 "), answer).toBe(true);
    expect((await ask(agentSocket(host.root), "GET", "/v1/status", undefined)).status).toBe(200);
  });
  await expectRemovable();
});
