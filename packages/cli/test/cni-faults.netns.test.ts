import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { agentSocket } from "@netkit/agent/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CniRuntime, port, withResult, type CniOutcome, type CniRequest, type Given } from "./cni-runtime.ts";
import { contents } from "./containers.ts";
import { onHosts, type Host } from "./host.ts";

let machine: Host;
let runtime: CniRuntime;
onHosts((host) => (machine = host));
// Before the host's own leak check: what it is about is the host.
afterEach(() => runtime[Symbol.dispose]());

function install(...given: Given): void {
  runtime = CniRuntime.onNewNetwork(machine, ...given);
}

function ok(verb: string, request: CniRequest = {}): CniOutcome["said"] {
  return runtime.ok(verb, request);
}

test.each([{ agent: false }, { agent: true }])(
  "bad input is refused, however large, and half of it (with %j)",
  (options) => {
    install(options);
    if (options.agent) machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
    const netns = runtime.container("c1");
    const large = "x".repeat(10_000_000);
    const configuration = { cniVersion: "1.1.0", name: "my-net", type: "netkit", network: "my-net" };
    const half = JSON.stringify(configuration).slice(0, 30);
    for (const [input, code] of [
      [large, 6],
      [half, 6],
      ["", 6],
      [JSON.stringify({ ...configuration, name: large }), 7],
      [JSON.stringify({ ...configuration, runtimeConfig: { aliases: Array.from({ length: 10_000 }, () => "-") } }), 7],
    ] as const) {
      expect(runtime.call("ADD", { netns, input }), input.slice(0, 80)).toMatchObject({ status: 1, said: { code } });
      expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
    }
    // What is beside the point is let through.
    const result = ok("ADD", { netns, input: JSON.stringify({ ...configuration, "cni.dev/large": large }) });
    ok("DEL", { netns, input: JSON.stringify({ ...configuration, prevResult: { ...result, more: large } }) });
    expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
  },
);

test.each([
  { agent: false, everyMs: 20 },
  // What it has asked the agent for goes on.
  { agent: true, everyMs: 3 },
])("an ADD that is killed leaves nothing once DEL has run (agent: $agent)", async ({ agent, everyMs }) => {
  install({ agent });
  machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  const netns = runtime.container("c1");
  const [before, empty] = [machine.traces(), contents(netns)];
  let killed = 0;
  // Wherever it is by then: while it starts, in the middle of the kernel's work, after its end.
  for (let step = 1; step <= 20; step++) {
    const { status } = await runtime.start("ADD", { netns, more: port(8080) }, step * everyMs);
    if (status === "SIGKILL") killed++;
    ok("DEL", { netns });
    expect(machine.traces(), `killed after ${step * everyMs} ms`).toEqual(before);
    expect(contents(netns)).toEqual(empty);
  }
  expect(killed).toBeGreaterThan(0);
  expect(machine.ok("doctor")).toContain("all is well");
});

test.each([
  { agent: false, everyMs: 20 },
  { agent: true, everyMs: 3 },
])("a DEL that is killed leaves nothing once another has run (agent: $agent)", async ({ agent, everyMs }) => {
  install({ agent });
  machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  const netns = runtime.container("c1");
  const [before, empty] = [machine.traces(), contents(netns)];
  let killed = 0;
  for (let step = 1; step <= 20; step++) {
    const result = ok("ADD", { netns, more: port(8080) });
    const { status } = await runtime.start("DEL", { netns, ...withResult(result) }, step * everyMs);
    if (status === "SIGKILL") killed++;
    ok("DEL", { netns, ...withResult(result) });
    expect(machine.traces(), `killed after ${step * everyMs} ms`).toEqual(before);
    expect(contents(netns)).toEqual(empty);
  }
  expect(killed).toBeGreaterThan(0);
  expect(machine.ok("doctor")).toContain("all is well");
});

test("half of a call that an agent gets, from a plugin that died while it sent, is none", async () => {
  install({ agent: true });
  machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  const netns = runtime.container("c1");
  const configuration = JSON.stringify({ cniVersion: "1.1.0", name: "my-net", type: "netkit", network: "my-net" });
  const variables = `CNI_COMMAND=ADD\nCNI_CONTAINERID=c1\nCNI_IFNAME=eth0\nCNI_NETNS=${netns}\nCNI_PATH=/x\nCNI_ARGS=\nCNI_NETNS_OVERRIDE=\n`;
  const body = `${variables}\n${configuration}`;
  const head = `POST /v1/runtimes/cni-netkit HTTP/1.0\r\ncontent-length: ${body.length}\r\n\r\n`;
  for (const sent of [head.slice(0, 30), head, head + body.slice(0, 20), head + body.slice(0, -1)]) {
    const socket = connect(agentSocket(machine.root));
    socket.end(sent);
    // The agent ends it without a word, or with a refusal.
    expect((await text(socket)).startsWith("HTTP/1.1 200")).toBe(false);
    expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
  }
  const whole = connect(agentSocket(machine.root));
  whole.write(head + body);
  expect(await text(whole)).toContain("10.7.0.3/24");
  ok("DEL", { netns });
  expect(machine.ok("sandbox", "ls", "--format", "{{.Name}}")).toBe("plain\n");
});

describe.each([{ agent: false }, { agent: true }])("with %j", (options) => {
  beforeEach(() => install(options));

  test.each([
    ["address", { runtimeConfig: { ips: ["10.7.0.9"] } }],
    ["port", port(8080)],
  ])("of ten at once that ask for one %s, one has it, and the others are told so", async (_, more) => {
    const before = machine.traces();
    const containers = Array.from({ length: 10 }, (_each, index) => ({
      id: `c${index}`,
      netns: runtime.container(`c${index}`),
    }));
    const added = await Promise.all(containers.map(async (each) => await runtime.start("ADD", { ...each, more })));
    const refused = added.filter(({ status }) => status !== 0);
    expect(refused.map(({ said }) => said.code)).toEqual(Array.from({ length: 9 }, () => 104));
    expect(machine.ok("sandbox", "ls", "-q").trim().split("\n")).toHaveLength(1);
    for (const { id } of containers) ok("DEL", { id });
    expect(machine.traces()).toEqual(before);
  });
});
