import { existsSync, mkdirSync } from "node:fs";
import { DockerEngine, hasDocker } from "@netkit/testing/docker";
import { NamespaceHost, openSegment } from "@netkit/testing/hosts";
import { post } from "../docker/post.ts";
import { keptNumber, portWords, type Box, type Contender, type Entry } from "./contender.ts";
import { run, said, versionIn } from "./run.ts";

/** On the file system that this process and Docker's host both have at /run. */
const folder = "/run/bench/docker";
const socket = `${folder}/api.sock`;
const network = "bench";

/** That of the newest peers, whatever else a machine has. */
const client = existsSync("/usr/bin/docker") ? "/usr/bin/docker" : "docker";
const command = [client, "-H", `unix://${socket}`];

function find(): ReturnType<Entry["find"]> {
  const version = hasDocker ? said("dockerd", "--version") : undefined;
  if (version !== undefined) return { version: versionIn(version) };
  return { missing: "no dockerd with docker, containerd and runc (Debian: docker.io)" };
}

/** A container that runs on no network is connected, and disconnected, by the API. */
export const docker: Entry = { find, start: startDocker };

/** The same by `docker network connect`, and `docker network disconnect`. */
export const dockerCli: Entry = {
  find,
  start: async () => {
    // Its packets go the API's way.
    const { open, close, stop } = await startDocker();
    const change = async (verb: "connect" | "disconnect", { number }: Box): Promise<void> =>
      void (await run([...command, "network", verb, network, `box-${number}`]));
    return {
      open,
      close,
      attach: async (box) => await change("connect", box),
      detach: async (box) => await change("disconnect", box),
      program: {
        name: "docker",
        version: versionIn(said(client, "--version") ?? ""),
        words: { version: [client, "--version"], list: [...command, "network", "ls"] },
      },
      ...(stop === undefined ? {} : { stop }),
    };
  },
};

async function startDocker(): Promise<Contender> {
  mkdirSync(folder, { recursive: true });
  await using stack = new AsyncDisposableStack();
  const segment = stack.use(await openSegment(1));
  const [host] = segment.hosts;
  if (host === undefined) throw new Error("the segment has no host");
  const engine = stack.use(
    await DockerEngine.start(host, { dockerd: ["--iptables=true", `--host=unix://${socket}`], agent: false }),
  );
  await engine.docker("network", "create", "--driver", "bridge", "--subnet", "10.91.0.0/16", network);
  const start = async (box: Omit<Box, "path">): Promise<string> => {
    const publish = portWords(box).flatMap((port) => ["-p", port]);
    const name = `box-${box.number}`;
    await engine.docker("run", "-d", "--name", name, "--network", network, ...publish, "box", "sleep", "10000");
    return name;
  };
  await start({ number: keptNumber, ports: 0, range: false });
  const change = async (verb: "connect" | "disconnect", { number }: Box): Promise<void> =>
    await post(socket, `/networks/${network}/${verb}`, JSON.stringify({ Container: `box-${number}` }));
  const running = stack.move();
  return {
    open: async (box) => {
      await start(box);
      await change("disconnect", box);
    },
    attach: async (box) => await change("connect", box),
    detach: async (box) => await change("disconnect", box),
    close: async ({ number }) => void (await engine.docker("rm", "-f", `box-${number}`)),
    place: async ({ number }) => {
      const format = "{{.NetworkSettings.SandboxKey}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
      const said = await engine.docker("inspect", "--format", format, `box-${number}`);
      const [key = "", address = ""] = said.split(" ");
      if (!(host instanceof NamespaceHost)) throw new Error("this part is for a host in namespaces");
      // Its files, as they are in its mount namespace.
      return { host: host.network, box: `${host.network.replace(/ns\/net$/, "root")}${key}`, address };
    },
    stop: async () => await running.disposeAsync(),
  };
}
