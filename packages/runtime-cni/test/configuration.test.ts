import { expect, test } from "vitest";
import { parseConfiguration, peekVersion } from "../src/configuration.ts";
import { isAtLeast, supportedVersions } from "../src/version.ts";

const parse = (configuration: unknown) => parseConfiguration(JSON.stringify(configuration));

test.each([
  ["", 6, /^error unmarshall network config: /],
  ["{", 6, /^error unmarshall network config: /],
  ["[]", 6, /it is no JSON object/],
  ["null", 6, /it is no JSON object/],
  ['"x"', 6, /it is no JSON object/],
  ["{}", 7, /^missing network name$/],
  ['{"name": ""}', 7, /^missing network name$/],
  ['{"name": 3}', 7, /^invalid characters found in network name$/],
  ['{"name": "a/b"}', 7, /^invalid characters found in network name$/],
  ['{"name": "n", "cniVersion": "9.9.9"}', 1, /^incompatible CNI versions$/],
  ['{"name": "n", "cniVersion": 1}', 1, /^incompatible CNI versions$/],
  ['{"name": "n", "network": 7}', 7, /network/],
  ['{"name": "n", "subnets": []}', 7, /subnets/],
  ['{"name": "n", "runtimeConfig": {"portMappings": [{"hostPort": 70000, "containerPort": 80}]}}', 7, /hostPort/],
  ['{"name": "n", "runtimeConfig": {"ips": "10.1.0.1"}}', 7, /ips/],
  ['{"name": "n", "cni.dev/valid-attachments": [{"containerID": "c"}]}', 7, /ifname/],
])("%s is refused with %i", (input, code, message) => {
  expect(() => parseConfiguration(input)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) as unknown }),
  );
});

test("the version that is refused is named beside those that are spoken", () => {
  expect(() => parse({ name: "n", cniVersion: "2.0.0" })).toThrow(
    expect.objectContaining({
      details: 'config is "2.0.0", plugin supports ["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]',
    }),
  );
});

test.each(supportedVersions)("%s is spoken", (cniVersion) => {
  expect(parse({ name: "n", cniVersion }).cniVersion).toBe(cniVersion);
});

test.each([{}, { cniVersion: "" }, { cniVersion: null }])("%j is of before there was a version", (more) => {
  expect(parse({ name: "n", ...more }).cniVersion).toBe("0.1.0");
});

test("versions are in order", () => {
  expect(isAtLeast("0.4.0", "0.4.0")).toBe(true);
  expect(isAtLeast("1.1.0", "0.4.0")).toBe(true);
  expect(isAtLeast("0.3.1", "0.4.0")).toBe(false);
});

test("keys of others are no concern, and what is null is absent", () => {
  expect(
    parse({ name: "n", cniVersion: "1.1.0", type: "netkit", "cni.dev/foo": 1, isGateway: true, ipam: {}, dns: null }),
  ).toEqual({ name: "n", cniVersion: "1.1.0", ipam: {}, dns: undefined });
});

test("an answer to a bad request has the version of it, if it says one", () => {
  expect(peekVersion('{"cniVersion": "0.4.0"}')).toBe("0.4.0");
  expect(peekVersion('{"name": "n"}')).toBe("0.1.0");
  expect(peekVersion("{")).toBeUndefined();
});
