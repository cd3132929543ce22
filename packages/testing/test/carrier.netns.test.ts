// Whoever has been connected can send at once, however busy the kernel is with others' links.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { listLinks, openNetlink } from "@netkit/netlink";
import { expect, test } from "vitest";
import { onOutsideHost, plain } from "./outside-host.ts";

/** Each of its requests waits for all others' (RTNL), as what the kernel does later by itself has to. */
const otherLinks = `while :; do
  printf 'link add a type veth peer name b\\nlink set a up\\nlink set b up\\nlink del a\\n' | ip -batch -
done`;

test("a port and its bridge have seen their carrier by the time that connecting is over", async () => {
  await onOutsideHost(plain, async ({ netkit }) => {
    await netkit.networks.create({ name: "n", options: { name: "br9" } });
    const sandbox = await netkit.sandboxes.open({});
    using host = openNetlink();
    await using _ = keepKernelBusy(6);
    const states: string[] = [];
    for (let round = 0; round < 400; round++) {
      await sandbox.connect("n");
      // A list has the kernel tell no link anything.
      const links = listLinks(host, { stats: false });
      const bridge = links.find(({ name }) => name === "br9");
      const port = links.find(({ master }) => master === bridge?.ifindex);
      states.push(`${port?.operState}, ${bridge?.operState}`);
      await sandbox.disconnect("n");
    }
    expect(new Set(states)).toEqual(new Set(["up, up"]));
  });
});

/** Processes that make links in namespaces of their own, until they are disposed of. */
function keepKernelBusy(processes: number): AsyncDisposable {
  const running = Array.from({ length: processes }, () =>
    spawn("unshare", ["--net", "--pid", "--fork", "--kill-child", "sh", "-c", otherLinks], { stdio: "ignore" }),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(
        running.map(async (child) => {
          const ended = once(child, "exit");
          child.kill("SIGKILL");
          await ended;
        }),
      );
    },
  };
}
