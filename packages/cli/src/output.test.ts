import { NetkitError, toNetkitError, type Change, type Owner, type ResourceKey } from "@netkit/core";
import { expect, test } from "vitest";
import { complete } from "./completion/complete.ts";
import { formatFailure } from "./failure.ts";
import { groupHelp } from "./help.ts";
import { formatJson } from "./json.ts";
import { formatPreviews, shellLines } from "./plan.ts";
import { terminal } from "./terminal.ts";

const plain = terminal(true, {});
const owner: Owner = { type: "network", id: "a".repeat(64), name: "web" };
const bridge: Change = {
  op: "create",
  key: "bridge host nkb1" as ResourceKey,
  resource: { kind: "bridge", ns: "host", name: "nkb1" },
  owner,
};
const address: Change = {
  op: "remove",
  key: "address x" as ResourceKey,
  resource: { kind: "file", ns: "host", path: "/etc/x", content: "" },
  owner: { ...owner, type: "sandbox", id: "b".repeat(64), name: "box" },
};

test("plans are listed by owner", () => {
  const preview = {
    title: "create network web",
    plan: [bridge, address],
    toShell: () => ["ip link add nkb1 type bridge"],
  };
  expect(formatPreviews([preview], plain)).toBe(
    ["create network web", "  network web", "    + bridge nkb1", "  sandbox box", "    - file /etc/x"].join("\n"),
  );
  const stray: Change = {
    ...address,
    resource: { kind: "veth", ns: "host", name: "nkv1", peer: { ns: "host", name: "" } },
  };
  expect(formatPreviews([{ ...preview, plan: [stray] }], plain)).toMatch(/- veth nkv1$/);
  expect(formatPreviews([{ ...preview, plan: [] }], plain)).toBe("Nothing would change in the kernel.");
  expect(shellLines([preview], { shell: ["true"] })).toEqual(["ip link add nkb1 type bridge\n", "true\n"]);
});

test("errors are two lines without control characters; bugs come with what a report needs", () => {
  const error = new NetkitError("NETWORK_NOT_FOUND", "no network \u001b[31mx\n", { hint: "Did you mean 'y'?" });
  expect(formatFailure(error, plain)).toBe("error: no network \\u001b[31mx\n\nhint:  Did you mean 'y'?");
  const bug = formatFailure(toNetkitError(new TypeError("oops")), plain);
  expect(bug).toContain("This is a bug in netkit.");
  expect(bug).toMatch(/netkit \d+\.\d+\.\d+, Node\.js \d+/);
  expect(bug).toContain("TypeError: oops");
});

const paint = (noColor: boolean, env: NodeJS.ProcessEnv): string => terminal(noColor, env).out("red", "x");

test("colours follow --no-color, NO_COLOR and FORCE_COLOR, and are off in pipes", () => {
  expect(paint(false, { FORCE_COLOR: "1" })).toBe("\u001b[31mx\u001b[39m");
  expect(paint(false, { FORCE_COLOR: "0" })).toBe("x");
  expect(paint(true, { FORCE_COLOR: "1" })).toBe("x");
  expect(paint(false, { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe("x");
  expect(paint(false, { FORCE_COLOR: "1", NO_COLOR: "" })).toBe("\u001b[31mx\u001b[39m");
});

test("counts that JSON numbers can't hold are text", () => {
  expect(formatJson({ a: 5n, b: 2n ** 64n }, 0)).toBe('{"a":5,"b":"18446744073709551616"}');
});

test("help of a group lists its commands", () => {
  const { text } = groupHelp("network", plain);
  expect(text).toContain("netkit network COMMAND");
  expect(text).toMatch(/network prune +Remove all networks/);
});

test.each([
  [[""], ["network\tNetworks: create, list, inspect, remove, connect"]],
  [["netw"], ["network\tNetworks: create, list, inspect, remove, connect"]],
  [["network", "in"], ["inspect\tShow networks in full, in Docker's JSON shape"]],
  [["network", "create", "--sub"], ["--subnet\tSubnet; without it one is chosen that overlaps no route"]],
  [["network", "create", "--driver", "h"], ["host"]],
  [["network", "create", "--driver=br"], ["--driver=bridge"]],
  [
    ["network", "create", "-o", "icc="],
    ["icc=true", "icc=false"],
  ],
  [
    ["--firewall", "n"],
    ["nftables", "none"],
  ],
  [["--root", ""], [":path"]],
  [["run", "--rm", "--", ""], [":path"]],
  [
    ["completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["help", "network", "ls"], ["ls"]],
  [
    ["agent", "--store", "etcd"],
    ["etcd://", "etcds://"],
  ],
  [
    ["host", "ls", "-f", ""],
    ["id=", "name=", "state=up", "state=down", "state=listed"],
  ],
])("netkit %j is completed", async (words, expected) => {
  expect(await complete(words)).toEqual(expect.arrayContaining(expected));
});
