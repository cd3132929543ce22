import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { agentSocket } from "@netkit/agent/client";
import { beforeEach, describe, expect, test } from "vitest";
import { port, valid, withResult, type CniRequest } from "./cni-runtime.ts";
import { contents, killedOnItsWay } from "./containers.ts";
import { onCniHosts } from "./cni-host.ts";

const cni = onCniHosts();

test.each([{ agent: false }, { agent: true }])(
  "bad input is refused, however large, and half of it (with %j)",
  (options) => {
    cni.install(options);
    if (options.agent) cni.machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
    const netns = cni.runtime.container("c1");
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
      expect(cni.runtime.call("ADD", { netns, input }), input.slice(0, 80)).toMatchObject({
        status: 1,
        said: { code },
      });
      expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
    }
    // What is beside the point is let through.
    const result = cni.ok("ADD", { netns, input: JSON.stringify({ ...configuration, "cni.dev/large": large }) });
    cni.ok("DEL", { netns, input: JSON.stringify({ ...configuration, prevResult: { ...result, more: large } }) });
    expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
  },
);

test.each([
  { verb: "ADD", agent: false },
  // What it has asked the agent for goes on.
  { verb: "ADD", agent: true },
  { verb: "DEL", agent: false },
  { verb: "DEL", agent: true },
  { verb: "GC", agent: false },
  { verb: "GC", agent: true },
])("$verb that is killed leaves nothing once a DEL has run (agent: $agent)", async ({ verb, agent }) => {
  cni.install({ agent });
  cni.machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  const netns = cni.runtime.container("c1");
  const [before, empty] = [cni.machine.traces(), contents(netns)];
  const adding: CniRequest = { netns, more: port(8080) };
  let deleting: CniRequest = { netns };
  const collecting: CniRequest = { more: { "cni.dev/valid-attachments": valid() } };
  // Wherever it is by then: while it starts, in the middle of the kernel's work, after its end.
  await killedOnItsWay(
    20,
    async (killAfterMs) => {
      if (verb !== "ADD") deleting = { netns, ...withResult(cni.ok("ADD", adding)) };
      const request = verb === "ADD" ? adding : verb === "DEL" ? deleting : collecting;
      return await cni.runtime.start(verb, request, killAfterMs);
    },
    (when) => {
      cni.ok("DEL", deleting);
      expect(cni.machine.traces(), when).toEqual(before);
      expect(contents(netns), when).toEqual(empty);
    },
  );
  expect(cni.machine.ok("doctor")).toContain("all is well");
});

test("half of a call that an agent gets, from a plugin that died while it sent, is none", async () => {
  cni.install({ agent: true });
  cni.machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  const netns = cni.runtime.container("c1");
  const configuration = JSON.stringify({ cniVersion: "1.1.0", name: "my-net", type: "netkit", network: "my-net" });
  const variables = `CNI_COMMAND=ADD\nCNI_CONTAINERID=c1\nCNI_IFNAME=eth0\nCNI_NETNS=${netns}\nCNI_PATH=/x\nCNI_ARGS=\nCNI_NETNS_OVERRIDE=\n`;
  const body = `${variables}\n${configuration}`;
  const head = `POST /v1/runtimes/cni-netkit HTTP/1.0\r\ncontent-length: ${body.length}\r\n\r\n`;
  for (const sent of [head.slice(0, 30), head, head + body.slice(0, 20), head + body.slice(0, -1)]) {
    const socket = connect(agentSocket(cni.machine.root));
    socket.end(sent);
    // The agent ends it without a word, or with a refusal.
    expect((await text(socket)).startsWith("HTTP/1.1 200")).toBe(false);
    expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
  }
  const whole = connect(agentSocket(cni.machine.root));
  whole.write(head + body);
  expect(await text(whole)).toContain("10.7.0.3/24");
  cni.ok("DEL", { netns });
  expect(cni.machine.ok("sandbox", "ls", "--format", "{{.Name}}")).toBe("plain\n");
});

describe.each([{ agent: false }, { agent: true }])("with %j", (options) => {
  beforeEach(() => cni.install(options));

  test.each([
    ["address", { runtimeConfig: { ips: ["10.7.0.9"] } }],
    ["port", port(8080)],
  ])("of ten at once that ask for one %s, one has it, and the others are told so", async (_, more) => {
    const before = cni.machine.traces();
    const containers = Array.from({ length: 10 }, (_each, index) => ({
      id: `c${index}`,
      netns: cni.runtime.container(`c${index}`),
    }));
    const added = await Promise.all(containers.map(async (each) => await cni.runtime.start("ADD", { ...each, more })));
    const refused = added.filter(({ status }) => status !== 0);
    expect(refused.map(({ said }) => said.code)).toEqual(Array.from({ length: 9 }, () => 104));
    expect(cni.machine.ok("sandbox", "ls", "-q").trim().split("\n")).toHaveLength(1);
    for (const { id } of containers) cni.ok("DEL", { id });
    expect(cni.machine.traces()).toEqual(before);
  });
});
