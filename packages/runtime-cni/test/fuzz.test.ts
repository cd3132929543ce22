import { fuzz, jsonNear, textNear } from "@netkit/fuzzing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { pluginTypes } from "../src/names.ts";
import { answerPlugin } from "../src/plugins.ts";
import { parseResult } from "../src/result.ts";
import { CniError } from "../src/cni-error.ts";
import { supportedVersions } from "../src/version.ts";

const result = {
  cniVersion: "1.1.0",
  interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01", sandbox: "/run/netns/x", mtu: 1500 }],
  ips: [{ address: "10.7.0.2/24", gateway: "10.7.0.1", interface: 0 }],
  routes: [{ dst: "0.0.0.0/0", gw: "10.7.0.1" }],
  dns: { nameservers: ["10.7.0.1"] },
};
const configuration = {
  cniVersion: "1.1.0",
  name: "my-net",
  type: "netkit",
  network: "my-net",
  subnet: "10.7.0.0/24",
  options: { mtu: 1400 },
  ipam: { type: "netkit-ipam", routes: [{ dst: "0.0.0.0/0" }] },
  args: { cni: { ips: ["10.7.0.9"], mac: "02:00:00:00:00:01" } },
  runtimeConfig: {
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "127.0.0.1" }],
    ips: ["10.7.0.9/24"],
    mac: "02:00:00:00:00:01",
    bandwidth: { ingressRate: 1e6, ingressBurst: 1e6 },
    dns: { servers: ["10.7.0.1"], searches: ["x"], options: ["ndots:1"] },
    aliases: { "my-net": ["web"] },
  },
  prevResult: result,
  "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }],
};

const verb = fc.constantFrom("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION");
const text = textNear(fc.constantFrom("c1", "eth0", "/run/netns/x", "IP=10.7.0.9;MAC=02:00:00:00:00:01"), "a0./;=: \n");
const near = fc.record(
  { CNI_COMMAND: verb, CNI_CONTAINERID: text, CNI_NETNS: text, CNI_IFNAME: text, CNI_PATH: text, CNI_ARGS: text },
  { requiredKeys: ["CNI_COMMAND"] },
);
// What is wrong with them is told before anything else is looked at.
const right = { CNI_CONTAINERID: "c1", CNI_NETNS: "/run/netns/x", CNI_IFNAME: "eth0", CNI_PATH: "/x" };
const variables = fc.oneof(
  near,
  verb.map((CNI_COMMAND) => ({ ...right, CNI_COMMAND })),
);
const input = fc.oneof(
  jsonNear(fc.constant(configuration)).map((document) => JSON.stringify(document)),
  textNear(fc.constant(JSON.stringify(configuration)), '{}[]",:0\\'),
);

test("whatever a runtime asks has an answer of CNI's, with a code that the specification has", async () => {
  await fuzz(fc.tuple(fc.constantFrom(...pluginTypes), variables, input), async ([type, given, stdin]) => {
    let wasOpened = false;
    const answer = await answerPlugin(type, { variables: given, input: stdin }, async () => {
      wasOpened = true;
      throw new Error("as far as that it came");
    });
    if (answer.status === 0) return;
    const said = JSON.parse(answer.stdout) as {
      readonly code: number;
      readonly msg: string;
      readonly details?: string;
    };
    expect(said).toMatchObject({ code: expect.any(Number) as number, msg: expect.any(String) as string });
    // What nobody has thought of is internal; here it is that there is no instance.
    if (!wasOpened) expect(said.details ?? "").not.toContain("INTERNAL");
  });
});

test("a result of another plugin's is read, or refused as one that can't be", async () => {
  await fuzz(fc.tuple(jsonNear(fc.constant(result)), fc.constantFrom(...supportedVersions)), ([document, version]) => {
    try {
      parseResult(document, version);
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
    }
  });
});
