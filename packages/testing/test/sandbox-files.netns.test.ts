import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import type { Netkit, SandboxHandle } from "@netkit/engine";
import { onHosts, TestHost } from "./host.ts";
import { output } from "./output.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

const fileOf = ({ netns = "" }: SandboxHandle, name: string): string => join("/etc/netns", basename(netns), name);

/** A shell in the sandbox that lives while commands are given to it. */
async function shell(box: SandboxHandle): Promise<{ ask(command: string): Promise<string>; end(): Promise<void> }> {
  const child = await box.run(["sh"], { stdio: "pipe" });
  return {
    ask: async (command) => {
      const answer = new Promise<string>((resolve) => {
        let text = "";
        const read = (chunk: Buffer): void => {
          text += chunk.toString();
          if (!text.endsWith("\n--\n")) return;
          child.stdout?.off("data", read);
          resolve(text.slice(0, -"\n--\n".length));
        };
        child.stdout?.on("data", read);
      });
      child.stdin?.write(`${command}; echo; echo --\n`);
      return await answer;
    },
    end: async () => {
      child.stdin?.end();
      await child.exited;
    },
  };
}

test("a process that runs sees the line of a network that comes, and no more of one that goes", async () => {
  await netkit.networks.create({ name: "one", subnets: [{ subnet: "10.9.0.0/24" }] });
  await netkit.networks.create({ name: "two", subnets: [{ subnet: "10.9.1.0/24" }] });
  const box = await netkit.sandboxes.open({ name: "box", networks: ["one"] });
  const running = await shell(box);
  try {
    const lines = async (): Promise<string> => await running.ask("grep box /etc/hosts");
    expect(await lines()).toBe("10.9.0.2\tbox\n");
    await box.connect("two");
    expect(await lines()).toBe("10.9.0.2\tbox\n10.9.1.2\tbox\n");
    await box.disconnect("one");
    expect(await lines()).toBe("10.9.1.2\tbox\n");
    expect(await running.ask("ls /sys/class/net; ip route show")).not.toMatch(/eth0|10\.9\.0\./);
  } finally {
    await running.end();
  }
});

test("what is written into hosts stays; netkit's own lines come and go beside it, and doctor says so without alarm", async () => {
  await netkit.networks.create({ name: "one", subnets: [{ subnet: "10.9.0.0/24" }] });
  await netkit.networks.create({ name: "two", subnets: [{ subnet: "10.9.1.0/24" }] });
  const box = await netkit.sandboxes.open({ name: "box", networks: ["one"] });
  const running = await shell(box);
  try {
    await running.ask("echo 192.0.2.1 mine >> /etc/hosts");
    await box.connect("two");
    expect(await running.ask("tail -n 3 /etc/hosts")).toBe("10.9.0.2\tbox\n192.0.2.1 mine\n10.9.1.2\tbox\n");
    await box.disconnect("one");
    expect(await running.ask("tail -n 2 /etc/hosts")).toBe("192.0.2.1 mine\n10.9.1.2\tbox\n");
  } finally {
    await running.end();
  }
  const edited = [
    expect.objectContaining({ problem: "edited", repairable: false, object: `file ${fileOf(box, "hosts")}` }),
  ];
  expect((await netkit.doctor()).findings).toEqual(edited);
  expect(await netkit.doctor({ repair: true })).toMatchObject({ findings: edited, repaired: [] });
  expect(readFileSync(fileOf(box, "hosts"), "utf8")).toContain("192.0.2.1 mine");
});

test("an edited resolv.conf is left alone, and comes back only when it is gone", async () => {
  await netkit.networks.create({ name: "n" });
  const box = await netkit.sandboxes.open({ dns: { servers: ["192.0.2.53"] }, networks: ["n"] });
  const path = fileOf(box, "resolv.conf");
  const planned = readFileSync(path, "utf8");
  expect(planned).toMatch(/^# Made by netkit.*\nnameserver 192\.0\.2\.53\n/);
  writeFileSync(path, "nameserver 198.51.100.1\n");
  await box.disconnect("n");
  await netkit.doctor({ repair: true });
  expect(readFileSync(path, "utf8")).toBe("nameserver 198.51.100.1\n");
  expect((await netkit.doctor()).findings.map(({ problem, object }) => `${problem} ${object}`)).toEqual([
    `edited file ${path}`,
  ]);
  host.sh(`rm ${path}`);
  await netkit.doctor({ repair: true });
  expect(readFileSync(path, "utf8")).toBe(planned);
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("host-gateway stands for the gateways of the default routes, and follows them", async () => {
  await netkit.networks.create({ name: "four", subnets: [{ subnet: "10.9.0.0/24" }] });
  await netkit.networks.create({ name: "dual", subnets: [{ subnet: "10.9.1.0/24" }, { subnet: "fd00:9::/64" }] });
  const hosts = [{ name: "docker.host", address: "host-gateway" }];
  const box = await netkit.sandboxes.open({ hosts, networks: ["four"] });
  const lines = async (): Promise<string> => await output(box, "grep docker.host /etc/hosts");
  expect(await lines()).toBe("10.9.0.1\tdocker.host");
  await box.connect("dual");
  expect(await lines()).toBe("10.9.1.1\tdocker.host\nfd00:9::1\tdocker.host");
  await output(box, "ping -c 1 -W 2 docker.host");
  await box.disconnect("dual");
  expect(await lines()).toBe("10.9.0.1\tdocker.host");

  const other = new TestHost.Root();
  const second = await host.open({ root: other.path, hostGateway: ["203.0.113.9", "2001:db8::9"] });
  const configured = await second.sandboxes.open({ hosts });
  expect(await output(configured, "grep docker.host /etc/hosts")).toBe(
    "203.0.113.9\tdocker.host\n2001:db8::9\tdocker.host",
  );
  await configured.close();
  await second.close();
  other[Symbol.dispose]();
  const onHost = await netkit.sandboxes.open({ hosts, networks: ["host"] });
  expect(await output(onHost, "grep docker.host /etc/hosts")).toBe("127.0.0.1\tdocker.host\n::1\tdocker.host");
});

test("hostname, domain name and the sandbox's own name stand by each address", async () => {
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }, { subnet: "fd00:9::/64" }] });
  const box = await netkit.sandboxes.open({
    name: "box_1.",
    hostname: "inside",
    domainname: "example.test",
    networks: ["n"],
  });
  expect(await output(box, "hostname; cat /proc/sys/kernel/domainname; hostname -f; tail -n 2 /etc/hosts")).toBe(
    "inside\nexample.test\ninside.example.test\n" +
      "10.9.0.2\tinside.example.test inside box_1.\nfd00:9::2\tinside.example.test inside box_1.",
  );
  const joined = await netkit.sandboxes.open({ networks: ["container:box_1."] });
  expect(await output(joined, "hostname -f")).toBe("inside.example.test");
  await expect(netkit.sandboxes.open({ domainname: "a b" })).rejects.toMatchObject({ code: "NAME_INVALID" });
  await expect(netkit.sandboxes.open({ domainname: "x", networks: ["container:box_1."] })).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("'box_1.'"),
  });
});

test("members that stay keep the hosts, the hostname and the networks of a holder that goes", async () => {
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
  await netkit.networks.create({ name: "m", subnets: [{ subnet: "10.9.1.0/24" }] });
  const hosts = [{ name: "db", address: "192.0.2.7" }];
  const holder = await netkit.sandboxes.open({ name: "holder", hosts, networks: ["n", "m"] });
  const side = await netkit.sandboxes.open({ name: "side", networks: ["container:holder"] });
  appendFileSync(fileOf(holder, "hosts"), "192.0.2.8 mine\n");
  await holder.close();
  expect(await output(side, "hostname; tail -n 4 /etc/hosts")).toBe(
    "holder\n192.0.2.7\tdb\n192.0.2.8 mine\n10.9.0.2\tholder side\n10.9.1.2\tholder side",
  );
  await expect(netkit.networks.remove("n")).rejects.toMatchObject({ message: expect.stringContaining("'side'") });
  await side.disconnect("m");
  expect(await output(side, "ip route show default")).toContain("dev eth0");
  expect((await netkit.networks.inspect("n")).endpoints[0]).toMatchObject({ sandboxName: "side" });
});
