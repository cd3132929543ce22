import { expect, test } from "vitest";
import { parseEnvironment } from "../src/environment.ts";

const whole = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/c1",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/opt/cni/bin",
};

test("what a runtime says is read", () => {
  expect(parseEnvironment({ ...whole, CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=web" })).toEqual({
    verb: "ADD",
    containerId: "c1",
    netns: "/run/netns/c1",
    ifName: "eth0",
    args: { IgnoreUnknown: "1", K8S_POD_NAME: "web" },
    mayBeOwn: false,
  });
});

test.each([
  [{ CNI_COMMAND: "ADD" }, "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"],
  [{ CNI_COMMAND: "CHECK", CNI_IFNAME: "eth0" }, "CNI_CONTAINERID,CNI_NETNS,CNI_PATH"],
  [{ CNI_COMMAND: "DEL" }, "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH"],
  [{ CNI_COMMAND: "GC" }, "CNI_PATH"],
  [{ CNI_COMMAND: "STATUS", CNI_PATH: "" }, "CNI_PATH"],
  [{}, "CNI_COMMAND"],
])("%j lacks %s", (variables, missing) => {
  const message = `required env variables [${missing}] missing`;
  expect(() => parseEnvironment(variables)).toThrow(expect.objectContaining({ code: 4, message }));
});

test.each([
  [{ CNI_COMMAND: "add" }, "unknown CNI_COMMAND: add"],
  [{ CNI_CONTAINERID: "../x" }, "invalid characters in containerID"],
  [{ CNI_CONTAINERID: "-x" }, "invalid characters in containerID"],
  [{ CNI_IFNAME: "eth0123456789012" }, "interface name is too long"],
  [{ CNI_IFNAME: ".." }, "interface name is . or .."],
  [{ CNI_IFNAME: "a/b" }, "interface name contains / or : or whitespace characters"],
  [{ CNI_IFNAME: "a b" }, "interface name contains / or : or whitespace characters"],
  [{ CNI_ARGS: "IP" }, 'ARGS: invalid pair "IP"'],
  [{ CNI_ARGS: "A=1;" }, 'ARGS: invalid pair ""'],
  [{ CNI_ARGS: "A=1=2" }, 'ARGS: invalid pair "A=1=2"'],
])("%j is refused: %s", (variables, message) => {
  expect(() => parseEnvironment({ ...whole, ...variables })).toThrow(expect.objectContaining({ code: 4, message }));
});

test.each([
  [{ CNI_COMMAND: "VERSION" }],
  [{ CNI_COMMAND: "STATUS", CNI_PATH: "/x" }],
  [{ CNI_COMMAND: "GC", CNI_PATH: "/x" }],
  [{ ...whole, CNI_COMMAND: "DEL", CNI_NETNS: undefined }],
])("%j is enough", (variables) => {
  expect(parseEnvironment(variables)).toMatchObject({ verb: variables.CNI_COMMAND });
});

test.each([
  ["1", true],
  ["true", true],
  ["TRUE", true],
  ["0", false],
  ["yes", false],
])("CNI_NETNS_OVERRIDE=%s: %s", (value, mayBeOwn) => {
  expect(parseEnvironment({ ...whole, CNI_NETNS_OVERRIDE: value })).toMatchObject({ mayBeOwn });
});
