import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openConsulStore, parseConsulUrl } from "../src/index.ts";
import { pathOf } from "../src/options.ts";

describe("the URL of a store", () => {
  test.each([
    ["consul://h1:8500,h2/netkit/v1/", { addresses: ["http://h1:8500", "http://h2"], prefix: "netkit/v1/" }],
    ["consul://[::1]:8500/", { addresses: ["http://[::1]:8500"] }],
    [
      "consuls://h1/a%20b?timeout-ms=100&dc=east",
      { addresses: ["https://h1"], prefix: "a b/", timeoutMs: 100, datacenter: "east" },
    ],
    [
      "consul://h1:8501?cacert=/ca&cert=/c&key=/k&token=t&server-name=n",
      { addresses: ["https://h1:8501"], cacert: "/ca", cert: "/c", key: "/k", token: "t", serverName: "n" },
    ],
  ])("%s", (url, options) => {
    expect(parseConsulUrl(url, {})).toEqual(options);
  });

  test("takes what it leaves out from the consul command's variables", () => {
    const directory = mkdtempSync(join(tmpdir(), "netkit-consul-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "token");
    writeFileSync(file, "in-file\n");
    const environment = {
      CONSUL_HTTP_ADDR: "h1:8501",
      CONSUL_HTTP_SSL: "true",
      CONSUL_CACERT: "/ca",
      CONSUL_CLIENT_CERT: "/c",
      CONSUL_CLIENT_KEY: "/k",
      CONSUL_TLS_SERVER_NAME: "n",
      CONSUL_HTTP_TOKEN_FILE: file,
    };
    const files = { cacert: "/ca", cert: "/c", key: "/k", serverName: "n" };
    expect(parseConsulUrl("consul:///", environment)).toEqual({
      addresses: ["https://h1:8501"],
      ...files,
      token: "in-file",
    });
    expect(parseConsulUrl("consul://h2?token=mine", { ...environment, CONSUL_HTTP_TOKEN: "theirs" })).toEqual({
      addresses: ["https://h2"],
      ...files,
      token: "mine",
    });
    expect(parseConsulUrl("consul:///", {})).toEqual({ addresses: ["http://127.0.0.1:8500"] });
  });

  test.each(["http://h1:8500", "consul:h1", "consul://h1?ca=/ca", "consul://h1?token=secret#x"])(
    "can't be %s",
    (url) => {
      expect(() => parseConsulUrl(url, {})).toThrow(
        expect.objectContaining({
          code: "ARGUMENT_INVALID",
          message: expect.not.stringContaining("secret") as unknown,
        }),
      );
    },
  );
});

test.each([
  [{ addresses: [] }, "needs an address"],
  [{ addresses: ["h1:99999"] }, '"h1:99999"'],
  [{ addresses: ["http://h1/path"] }, '"http://h1/path"'],
  [{ addresses: ["h1"], prefix: "é" }, '"é"'],
  [{ addresses: ["h1"], prefix: "/netkit" }, "shortens"],
  [{ addresses: ["h1"], timeoutMs: 0 }, "0 ms"],
  [{ addresses: ["h1"], cert: "/c" }, "its key"],
  [{ addresses: ["h1"], cacert: "/nowhere/ca.pem" }, "/nowhere/ca.pem"],
])("a store can't be opened with %j", (options, message) => {
  expect(() => openConsulStore(options)).toThrow(
    expect.objectContaining({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining(message) as unknown,
      hint: expect.any(String) as unknown,
    }),
  );
});

test.each([
  ["netkit/v1/", "netkit/v1/"],
  ["netkit/v1/a b/c.d", "netkit/v1/a b/c.d"],
  ["netkit/v1//a", "netkit/v1"],
  ["netkit/v1/a/./b", "netkit/v1/a"],
  ["netkit/v1/a/../b", "netkit/v1/a"],
  ["netkit/v1/..", "netkit/v1"],
  ["/a", ""],
  ["../a", ""],
])("of the key %s the path %j is asked for", (key, path) => {
  expect(pathOf(key)).toBe(path);
});
