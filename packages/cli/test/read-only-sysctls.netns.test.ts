// Where /proc/sys is read-only, as in a container without privileges over it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onHosts, type Host, type Outcome } from "./host.ts";

let box: Host;
onHosts((host) => (box = host));

/** Runs the CLI with /proc/sys read-only for it alone. */
function confined(...words: string[]): Outcome {
  const script = 'mount --bind -o ro /proc/sys /proc/sys && exec "$@"';
  return box.attempt(
    "unshare",
    "--mount",
    "sh",
    "-c",
    script,
    "sh",
    process.execPath,
    box.cli,
    "--config",
    join(box.root, "netkit.json"),
    ...words,
  );
}

test("settings that are right already do, and others are refused by name with nothing left", () => {
  const before = box.traces();
  // An agent would live on with what the command saw.
  writeFileSync(join(box.root, "netkit.json"), '{ "agent": false }');
  expect(box.netkit(["network", "create", "n"])).toMatchObject({ status: 0, stderr: "" });
  expect(box.netkit(["sandbox", "create", "--name", "a"])).toMatchObject({ status: 0, stderr: "" });
  expect(confined("network", "connect", "-p", "8080:80", "n", "a")).toMatchObject({ status: 0, stderr: "" });
  expect(box.netkit(["exec", "a", "--", "ip", "link", "show", "eth0"])).toMatchObject({ status: 0 });

  const made = box.traces();
  expect(confined("network", "create", "m")).toMatchObject({
    status: 7,
    stderr: expect.stringMatching(/route_localnet.*\/proc\/sys is mounted read-only/s),
  });
  expect(box.traces()).toEqual(made);
  box.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
  box.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/default/route_localnet");
  expect(confined("network", "create", "m")).toMatchObject({ status: 0, stderr: "" });

  expect(box.netkit(["sandbox", "rm", "a"])).toMatchObject({ status: 0 });
  expect(box.netkit(["network", "rm", "n", "m"])).toMatchObject({ status: 0 });
  expect(box.traces()).toEqual(before);
});
