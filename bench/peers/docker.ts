import { mkdirSync } from "node:fs";
import { DockerEngine, hasDocker } from "@netkit/testing/docker";
import { NamespaceHost, openSegment } from "@netkit/testing/hosts";
import { post } from "../docker/post.ts";
import { hostPorts, keptNumber, type Box, type Entry } from "./contender.ts";
import { said, versionIn } from "./run.ts";

/** On the file system that this process and Docker's host both have at /run. */
const folder = "/run/bench/docker";
const socket = `${folder}/api.sock`;
const network = "bench";

/** `docker network connect` of a container that runs on no network, by the API. */
export const docker: Entry = {
  find: () => {
    const version = hasDocker ? said("dockerd", "--version") : undefined;
    if (version !== undefined) return { version: versionIn(version) };
    return { missing: "no dockerd with docker, containerd and runc (Debian: docker.io)" };
  },
  start: async () => {
    mkdirSync(folder, { recursive: true });
    await using stack = new AsyncDisposableStack();
    const segment = stack.use(await openSegment(1));
    const [host] = segment.hosts;
    if (host === undefined) throw new Error("the segment has no host");
    const engine = stack.use(
      await DockerEngine.start(host, { dockerd: ["--iptables=true", `--host=unix://${socket}`], agent: false }),
    );
    await engine.docker("network", "create", "--driver", "bridge", "--subnet", "10.91.0.0/16", network);
    const start = async (box: Pick<Box, "number" | "ports">): Promise<string> => {
      const publish = hostPorts(box).flatMap((port, index) => ["-p", `${port}:${8000 + index}`]);
      const name = `box-${box.number}`;
      await engine.docker("run", "-d", "--name", name, "--network", network, ...publish, "box", "sleep", "10000");
      return name;
    };
    await start({ number: keptNumber, ports: 0 });
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
  },
};
