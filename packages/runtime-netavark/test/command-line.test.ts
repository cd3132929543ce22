import { expect, test } from "vitest";
import { parseCommandLine } from "../src/command-line.ts";

test.each([
  // As Podman 4 and 5 write it.
  [
    "--config /run/containers/networks --rootless=false --aardvark-binary=/usr/lib/podman/aardvark-dns setup /run/netns/a",
    { verb: "setup", netns: "/run/netns/a" },
  ],
  [
    "-c x -r false -a y --firewall-driver none --plugin-directory p --plugin-directory q teardown n",
    { verb: "teardown", netns: "n", plugins: ["p", "q"] },
  ],
  ["--file in.json setup n", { verb: "setup", netns: "n", file: "in.json" }],
  ["setup -f in.json n", { verb: "setup", netns: "n", file: "in.json" }],
  [
    "update net --network-dns-servers 192.0.2.1,192.0.2.2",
    { verb: "update", network: "net", servers: ["192.0.2.1", "192.0.2.2"] },
  ],
  ["update net --network-dns-servers=", { verb: "update", network: "net", servers: [] }],
  ["create", { verb: "create", plugins: [] }],
  ["firewall-reload", { verb: "firewall-reload" }],
  ["version", { verb: "version" }],
  // It takes no rights.
  ["--rootless true version", { verb: "version" }],
  ["--version", { verb: "--version" }],
  ["setup --help", { verb: "--help" }],
])("%s", (line, command) => {
  expect(parseCommandLine(line.split(" "))).toMatchObject(command);
});

test.each([
  "",
  "fly",
  "setup",
  "setup a b",
  "update",
  "update net",
  "--rootless=true setup n",
  "--wings setup n",
  "--file",
])("%j is refused", (line) => {
  expect(() => parseCommandLine(line.split(" ").filter(Boolean))).toThrow(
    expect.objectContaining({ code: "ARGUMENT_INVALID" }),
  );
});
