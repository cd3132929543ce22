import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onHosts, type Host } from "./host.ts";

let box: Host;
onHosts((host) => {
  box = host;
  netkit("network", "create", "--subnet", "10.7.0.0/24", "n");
});

/** Runs the CLI, expects success and returns what it printed. */
const netkit = (...args: string[]): string => box.ok(...args);

/** Runs the CLI, expects it to fail before any command of a sandbox, and returns what it said. */
function refused(...words: string[]): string {
  const { status, stderr } = box.netkit(words);
  expect(status).toBe(125);
  return stderr;
}

const server = `require("node:http").createServer((_, answer) => answer.end("hello")).listen(80, () => console.log("ready"))`;
const get = (url: string): string => `fetch("${url}").then((a) => a.text()).then((text) => process.stdout.write(text))`;

async function addServer(): Promise<void> {
  const id = netkit("pod", "add", "-d", "--name", "app", "web", "--", process.execPath, "-e", server).trim();
  const log = join(box.root, "logs", `${id}.log`);
  await expect.poll(() => readFileSync(log, "utf8"), { timeout: 10_000, interval: 20 }).toContain("ready");
}

test("members share addresses, loopback, hostname and published ports, and a pod goes as a whole", async () => {
  const id = netkit("pod", "create", "--network", "n", "-p", "8080:80", "--add-host", "db:192.0.2.7", "web").trim();
  await addServer();
  expect(box.run(process.execPath, "-e", get("http://127.0.0.1:8080/"))).toBe("hello");
  expect(netkit("pod", "add", "--rm", "web", "--", process.execPath, "-e", get("http://127.0.0.1/"))).toBe("hello");
  expect(
    netkit("pod", "add", "--rm", "web", "sh", "-c", "hostname; tail -n 2 /etc/hosts; ip -br -4 address show eth0"),
  ).toMatch(/^web\n192\.0\.2\.7\tdb\n10\.7\.0\.2\tweb\neth0.* 10\.7\.0\.2\/24/);
  expect(netkit("pod", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}} {{.State}} {{.Members}} {{.Ports}}")).toBe(
    `${id} web running app 0.0.0.0:8080->80/tcp\n`,
  );
  expect(JSON.parse(netkit("pod", "inspect", "web"))).toMatchObject([
    {
      Name: "web",
      State: "running",
      Holder: { Id: id, Name: "web", State: { Status: "idle" } },
      Members: [{ Name: "app", State: { Status: "running" }, Config: { Labels: { "netkit.pod": "web" } } }],
    },
  ]);
  expect(box.netkit(["pod", "rm", "web"])).toMatchObject({ status: 4, stderr: expect.stringContaining("app") });
  expect(netkit("pod", "rm", "--dry-run", "-f", "web")).toContain(`- namespace`);
  expect(netkit("pod", "rm", "-f", "web")).toBe("web\n");
  expect(netkit("sandbox", "ls", "-q")).toBe("");
});

test("a member's exit status is its own, it goes with --rm, and stays without", () => {
  netkit("pod", "create", "--network", "n", "web");
  expect(box.netkit(["pod", "add", "--rm", "--name", "once", "web", "--", "sh", "-c", "exit 7"]).status).toBe(7);
  expect(netkit("pod", "ls", "--format", "[{{.Members}}]")).toBe("[]\n");
  expect(box.netkit(["pod", "add", "--name", "kept", "-l", "a=b", "web", "--", "sh", "-c", "exit 3"]).status).toBe(3);
  expect(netkit("sandbox", "ls", "--filter", "label=a=b", "--format", "{{.Name}} {{.State}}")).toBe("kept exited\n");
  expect(netkit("pod", "ls", "--filter", "state=idle", "--format", "{{.Name}} {{.Members}}")).toBe("web kept\n");
  expect(box.netkit(["pod", "add", "web", "--", "/nosuch"])).toMatchObject({ status: 127 });
  expect(netkit("pod", "ls", "--format", "{{.Members}}")).toBe("kept\n");
  expect(netkit("pod", "rm", "web")).toBe("web\n");
});

test("the holder may go first: its members keep the network, and further ones get in", async () => {
  netkit("pod", "create", "--network", "n", "-p", "8080:80", "web");
  await addServer();
  expect(netkit("sandbox", "rm", "web")).toBe("web\n");
  expect(box.run(process.execPath, "-e", get("http://127.0.0.1:8080/"))).toBe("hello");
  expect(netkit("pod", "ls", "--format", "{{.Name}} {{.State}} {{.Members}} {{.Addresses}}")).toBe(
    "web running app 10.7.0.2\n",
  );
  expect(netkit("pod", "add", "--rm", "web", "--", process.execPath, "-e", get("http://127.0.0.1/"))).toBe("hello");
  expect(box.netkit(["pod", "create", "web"])).toMatchObject({
    status: 4,
    stderr: expect.stringContaining("pod 'web'"),
  });
  expect(JSON.parse(netkit("doctor", "--json"))).toMatchObject({ findings: [] });
  expect(netkit("pod", "rm", "-f", "web")).toBe("web\n");
});

test("what is the pod's is refused to a member, with the holder's name", () => {
  netkit("pod", "create", "--network", "n", "web");
  expect(refused("run", "--network", "container:web", "-p", "80:80", "--", "true")).toMatch(/'web'.*published ports/);
  expect(refused("run", "--network", "container:web", "--gw-priority", "1", "--", "true")).toContain("'web'");
  expect(netkit("__complete", "pod", "rm", "w")).toBe("web\tidle\n");
  expect(netkit("__complete", "network", "connect", "n", "web", "-o", "sys")).toMatch(/^sysctls=\t/);
  expect(refused("pod", "add", "nosuch", "--", "true")).toContain("no pod 'nosuch'");
  expect(refused("pod", "add", "wbe", "--", "true")).toContain("Did you mean 'web'?");
  netkit("sandbox", "create", "--name", "lone");
  expect(refused("pod", "add", "lone", "--", "true")).toContain("'netkit run --network container:lone'");
  netkit("sandbox", "rm", "lone");
  netkit("pod", "rm", "web");
});
