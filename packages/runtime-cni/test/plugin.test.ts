import { NetkitError } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { expect, test } from "vitest";
import { toCniError } from "../src/cni-error.ts";
import { answerPlugin } from "../src/plugins.ts";
import { relay } from "../src/relayed.ts";
import { sandboxNames } from "../src/labels.ts";

async function neverOpened(): Promise<never> {
  throw new Error("it was opened");
}

const all = { CNI_CONTAINERID: "c1", CNI_NETNS: "/nowhere", CNI_IFNAME: "eth0", CNI_PATH: "/x" };

async function ask(command: string | undefined, configuration: unknown) {
  const input = typeof configuration === "string" ? configuration : JSON.stringify(configuration);
  const { status, stdout, stderr } = await answerPlugin(
    "netkit",
    { variables: { ...all, CNI_COMMAND: command }, input },
    neverOpened,
  );
  return { status, stderr, said: stdout === "" ? undefined : (JSON.parse(stdout) as Record<string, unknown>) };
}

test("VERSION needs neither state nor configuration", async () => {
  expect(await ask("VERSION", "")).toMatchObject({
    status: 0,
    said: {
      cniVersion: "1.1.0",
      supportedVersions: ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
    },
  });
});

test("without a command it says what it is, and no more", async () => {
  expect(await ask(undefined, "")).toEqual({
    status: 0,
    said: undefined,
    stderr: expect.stringContaining("CNI protocol versions supported: 0.1.0, 0.2.0") as unknown,
  });
});

test.each([
  ["ADD", "{", { code: 6, cniVersion: "1.1.0" }],
  ["ADD", { name: "n", cniVersion: "3.0.0" }, { code: 1, cniVersion: "3.0.0" }],
  ["CHECK", { name: "n", cniVersion: "0.3.1" }, { code: 1, msg: "config version does not allow CHECK" }],
  ["GC", { name: "n", cniVersion: "1.0.0" }, { code: 1, msg: "config version does not allow GC" }],
  ["STATUS", { name: "n", cniVersion: "1.0.0" }, { code: 1, msg: "config version does not allow STATUS" }],
  ["DEL", { cniVersion: "1.0.0" }, { code: 7, msg: "missing network name", cniVersion: "1.0.0" }],
  [
    "DEL",
    { name: "n", runtimeConfig: { portMappings: [{ hostPort: "8080", containerPort: 80 }] } },
    {
      code: 7,
      msg: "invalid network configuration: runtimeConfig.portMappings[0].hostPort: expected number, received string",
    },
  ],
  ["FLY", { name: "n" }, { code: 4, msg: "unknown CNI_COMMAND: FLY" }],
])("%s with %j is refused before anything is opened", async (command, configuration, said) => {
  expect(await ask(command, configuration)).toMatchObject({ status: 1, said });
});

test("what can't be opened is an error by its code", async () => {
  const input = JSON.stringify({ name: "n", cniVersion: "1.1.0" });
  const { status, stdout } = await answerPlugin(
    "netkit",
    { variables: { ...all, CNI_COMMAND: "STATUS" }, input },
    neverOpened,
  );
  expect({ status, said: JSON.parse(stdout) as unknown }).toMatchObject({ status: 1, said: { code: 50 } });
});

test.each([
  ["NETWORK_NOT_FOUND", 7],
  ["OPTION_UNKNOWN", 7],
  ["NAMESPACE_NOT_FOUND", 8],
  ["STATE_UNWRITABLE", 5],
  ["LOCKED", 11],
  ["STORE_UNAVAILABLE", 11],
  ["ADDRESS_TAKEN", 104],
  ["POOL_EXHAUSTED", 105],
  ["KERNEL", 110],
  ["INTERNAL", 170],
] as const)("netkit's %s is CNI's %i", (code, cni) => {
  expect(toCniError(new NetkitError(code, "what", { hint: "do this" }))).toMatchObject({
    code: cni,
    message: "what",
    details: `${code}: do this`,
  });
});

test("a call that was handed on is answered by a line with the exit status, then what is to be printed", async () => {
  const netkit = {} as Netkit;
  const call = relay("netkit");
  expect(await call(netkit, "CNI_COMMAND=VERSION\n\n{}")).toMatch(/^0\n\{\n {2}"cniVersion": "1.1.0"/);
  const refused = await call(netkit, "CNI_COMMAND=ADD\nCNI_CONTAINERID=c\nCNI_ARGS=A=1;B=2=3\n\n{}");
  expect(refused).toMatch(/^1\n\{[^]*"code": 4/);
  expect(await call(netkit, "CNI_COMMAND=STATUS\nCNI_PATH=/x\n\nnot\n\njson")).toMatch(/^1\n\{[^]*"code": 6/);
});

test("a container's sandbox is called as it is, and two long ids differ", () => {
  expect(sandboxNames("c1")).toEqual(["c1"]);
  const id = "0123456789abcdef".repeat(4);
  expect(sandboxNames(id)).toEqual(["0123456789ab", id]);
  const [one, other] = ["1", "2"].map((last) => sandboxNames("x".repeat(200) + last)[0]);
  expect(one).toHaveLength(128);
  expect(one).not.toBe(other);
});
