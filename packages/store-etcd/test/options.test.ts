import { describe, expect, test } from "vitest";
import { openEtcdStore, parseEtcdUrl } from "../src/index.ts";

describe("the URL of a store", () => {
  test.each([
    ["etcd://h1:2379,h2:2379/netkit/v1/", { endpoints: ["http://h1:2379", "http://h2:2379"], prefix: "netkit/v1/" }],
    ["etcd://h1", { endpoints: ["http://h1"] }],
    ["etcd://[::1]:2379/", { endpoints: ["http://[::1]:2379"] }],
    ["etcds://h1:2379/a%20b?timeout-ms=100", { endpoints: ["https://h1:2379"], prefix: "a b/", timeoutMs: 100 }],
    [
      "etcd://n%40me:p%3Ass@h1:2379?cacert=/ca&cert=/c&key=/k",
      {
        endpoints: ["https://h1:2379"],
        cacert: "/ca",
        cert: "/c",
        key: "/k",
        user: { name: "n@me", password: "p:ss" },
      },
    ],
  ])("%s", (url, options) => {
    expect(parseEtcdUrl(url, {})).toEqual(options);
  });

  test("takes what it leaves out from etcdctl's variables", () => {
    const environment = {
      ETCDCTL_ENDPOINTS: "https://h1:2379,h2:2379",
      ETCDCTL_CACERT: "/ca",
      ETCDCTL_CERT: "/c",
      ETCDCTL_KEY: "/k",
      ETCDCTL_USER: "me",
      ETCDCTL_PASSWORD: "secret",
    };
    const files = { cacert: "/ca", cert: "/c", key: "/k" };
    const user = { name: "me", password: "secret" };
    expect(parseEtcdUrl("etcd:///", environment)).toEqual({
      endpoints: ["https://h1:2379", "https://h2:2379"],
      ...files,
      user,
    });
    expect(parseEtcdUrl("etcd://me:mine@h3?cacert=/other", environment)).toEqual({
      endpoints: ["https://h3"],
      ...files,
      cacert: "/other",
      user: { name: "me", password: "mine" },
    });
  });

  test.each(["http://h1:2379", "etcd:h1", "etcd://h1?ca=/ca", "etcd://me:secret@h1#x"])("can't be %s", (url) => {
    expect(() => parseEtcdUrl(url, {})).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID", message: expect.not.stringContaining("secret") as unknown }),
    );
  });
});

test.each([
  [{ endpoints: [] }, "needs an endpoint"],
  [{ endpoints: ["h1:99999"] }, '"h1:99999"'],
  [{ endpoints: ["ftp://h1"] }, '"ftp://h1"'],
  [{ endpoints: ["http://h1/path"] }, '"http://h1/path"'],
  [{ endpoints: ["h1"], prefix: "é" }, '"é"'],
  [{ endpoints: ["h1"], timeoutMs: 0 }, "0 ms"],
  [{ endpoints: ["h1"], cert: "/c" }, "its key"],
  [{ endpoints: ["h1"], cacert: "/nowhere/ca.pem" }, "/nowhere/ca.pem"],
])("a store can't be opened with %j", (options, message) => {
  expect(() => openEtcdStore(options)).toThrow(
    expect.objectContaining({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining(message) as unknown,
      hint: expect.any(String) as unknown,
    }),
  );
});
